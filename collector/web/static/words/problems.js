// What the collector says when something does not work, for readers of Chinese; it speaks English itself. What is not
// here is shown as it says it, after a word of what kind of trouble it is.
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

export function inChinese(detail, status) {
  const found = SENTENCES.find(([pattern]) => pattern.test(detail));
  if (found) return detail.replace(found[0], found[1]);
  return KINDS[status] ? `${KINDS[status]}：${detail}` : detail;
}
