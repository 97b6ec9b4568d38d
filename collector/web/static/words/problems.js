// What the collector says when something does not work, and what ails boxes and cameras, for readers of Chinese; both speak
// English themselves. What is not here is shown as they say it, the collector's after a word of what kind of trouble it is.
const KINDS = { 0: "采集端无响应", 403: "没有权限", 404: "不存在", 409: "当前状态不允许", 413: "文件过大", 422: "输入有误", 429: "尝试次数过多", 503: "数据库暂不可用，请稍后重试" };
const STATES = { new: "新告警", acknowledged: "已确认", assigned: "已派单", on_scene: "已到场", resolved: "已办结", dismissed: "已忽略",
  proposed: "待审批", approved: "已批准", refused: "已驳回", withdrawn: "已撤控" };
const ROLES = { viewer: "查看员", operator: "值班员", auditor: "审计员", admin: "管理员" };
const SENTENCES = [
  [/^the collector does not answer/, "采集端无响应，请稍后重试"],
  [/^name or password is wrong/, "用户名或密码错误"],
  [/^the old password is wrong/, "原密码错误"],
  [/^the new password is the one that was given.*/, "新密码不能与管理员给出的密码相同"],
  [/^too many wrong passwords: try again in (\d+) min/, "密码错误次数过多，请 $1 分钟后再试"],
  [/^this sign-in link was used before.*/, "此登录链接已使用或已过期，请重新生成（sign-in-link）"],
  [/^this token does not hold.*/, "此令牌无效：采集端启动且没有用户时会生成一个"],
  [/^sign in with name and password.*/, "请先登录"],
  [/^role (\w+) may not .*/, (_, role) => `您的角色（${ROLES[role] ?? role}）无权执行此操作`],
  [/^this concerns all sites.*/, "此操作涉及所有站点：需要不限站点的权限"],
  [/^the entry concerns sites that you may not see.*/, "该条目涉及您无权查看的站点，须由有权限的人处理"],
  [/^say what for, to .*/, "请先填写事由"],
  [/^the alert is (\w+) and cannot become (\w+).*/, (_, state) => `告警状态已变化（${STATES[state] ?? state}），不能再执行此操作，请查看最新状态`],
  [/^there is no unit .* on duty at site .*/, "该单位不在岗或不属于本站点"],
  [/^there is a unit (.*) already.*/, "已有单位 $1，请换一个代号"],
  [/^there is a hazard (.*) already.*/, "已有隐患 $1，请换一个编号"],
  [/^there is a user (.*) already/, "已有用户 $1"],
  [/^there is a token (.*) already.*/, "已有令牌 $1"],
  [/^this plate is on the list already: entry (.*)/, "该车牌已在名单中：条目 $1"],
  [/^nobody approves what he has proposed himself.*/, "申请人不能审批自己的申请"],
  [/^the entry is (\w+).*/, (_, state) => `条目状态已变化（${STATES[state] ?? state}）`],
  [/^a hazard that is (\w+) cannot become (\w+).*/, "隐患状态已变化，请刷新"],
  [/^a password has at least (\d+) characters/, "密码至少 $1 个字符"],
  [/^plate .*: give at least one character.*/, "请至少输入一个字符，例如 京A1、*345、京A?2345"],
  [/^evidence .* has not arrived.*/, "文件尚未到达"],
];

const PLACES = { top: "上", middle: "中", bottom: "下", left: "左", centre: "中", right: "右" };
const shifted = (across, down) => `横向 ${across} %、纵向 ${down} %`;
// Of edge/agent.py, edge/delivery.py, edge/sight.py, edge/sources/.
const AILMENTS = [
  [/^camera (\S+) is (\d+) s behind: .*/, "摄像机 $1 处理滞后 $2 秒：该前端算力不足，请改用子码流、降低帧率或减少摄像机"],
  [/^(\d+) events were lost, because .*/, "有 $1 个事件因无法写入待发队列而丢失"],
  [/^another agent is online as (\S+): .*/, "另有前端以 $1 的名称在线，二者互相断开：请为每个前端取不同名称"],
  [/^no watch list has come yet: .*/, "尚未收到布控名单，无法比对：请下发名单（无布控时下发空名单）"],
  [/^out of focus, or the lens is covered.*/, "失焦，或镜头被遮挡"],
  [/^edges have (\S+) of their usual sharpness: .*/, "清晰度仅为平时的 $1：失焦、有雾或镜头脏污"],
  [/^a part of the picture \((\w+) (\w+)\) is blurred or hidden: .*/, (_, upright, across) => `画面局部（${PLACES[across]}${PLACES[upright]}）模糊或被遮挡：镜头上有水滴、污渍或蛛网？`],
  [/^another view than the one that was drawn on: .*/, "画面与标定时不同：请重新标定，或将摄像机转回原位"],
  [/^the view has shifted by (\S+) % of its width, (\S+) % of its height; .*/, (_, across, down) => `画面偏移${shifted(across, down)}，楼层和列已随之修正`],
  [/^the view has shifted by (\S+) % of its width, (\S+) % of its height: .*/, (_, across, down) => `画面偏移${shifted(across, down)}，标定已不适用`],
  [/^(\S+): nothing came within the time-out; .*/, "$1：超时无响应，请检查摄像机电源和网络"],
  [/^(\S+): connected, but no picture came within the time-out/, "$1：已连接，但超时没有画面"],
  [/^(\S+): connected, but the stream ended before its first picture/, "$1：已连接，但没有画面即中断"],
  [/^(\S+): the camera ended the stream/, "$1：摄像机中断了码流"],
];

const translated = (sentences, text) => {
  const found = sentences.find(([pattern]) => pattern.test(text));
  return found ? text.replace(found[0], found[1]) : null;
};

// Of a box or a camera.
export const ailmentIn = (language, text) => (language === "zh" && text ? translated(AILMENTS, text) ?? text : text);

export function inChinese(detail, status) {
  return translated(SENTENCES, detail) ?? (KINDS[status] ? `${KINDS[status]}：${detail}` : detail);
}
