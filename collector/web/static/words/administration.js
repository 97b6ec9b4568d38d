// Words of the administration.
export const en = {
  administration: "Admin", users: "People", loginName: "Sign-in name", wholeName: "Full name", sitesSeen: "Sites", sitesAll: "all", firstPassword: "First password",
  resetPassword: "New password", resetWhy: (name) => `Give ${name} a new password? The old one holds no more, and wherever ${name} is signed in, that ends now.`,
  resetIt: "Make it", passwordOnce: (name) => `Password for ${name}, shown only now, to be changed at the next sign-in:`, passwordTold: "I have told it",
  seesAll: (name) => `${name} sees all sites from now on.`, addUser: "Let in", shutOut: "Shut out", letIn: "Let in again", tokens: "Tokens of programs and boxes", tokenName: "Name of the program or box", addToken: "Make a token",
  endToken: "End", endTokenWhy: (name) => `End the token of ${name}? Whatever uses it is refused from then on, and the token cannot be had back.`, roleEdge: "box (uploads)", tokenOnce: "The token, shown only now:", keptFor: "Kept for (days)",
  keptWhy: "What is older is deleted with its pictures and clips, and that is recorded; open cases and legal holds stay. Public-security video must be kept 30 days in China.",
  kept_plate_passage: "Vehicles", kept_watchlist_hit: "Watched vehicles", kept_falling_object: "Falling objects", kept_sensor: "Sensors", kept_camera: "Camera states",
  kept_other: "Other events", deleteOlder: (what, days) => `${what}: all that is older than ${days} days is deleted within the hour.`, deleteThem: "Delete it", kept_alert: "Closed alerts", kept_audit: "Content of the record",
};
export const zh = {
  administration: "管理", users: "人员", loginName: "登录名", wholeName: "姓名", sitesSeen: "站点", sitesAll: "全部", firstPassword: "初始密码",
  resetPassword: "重置密码", resetWhy: (name) => `为 ${name} 重置密码？原密码立即失效，其已登录的页面全部退出。`,
  resetIt: "确认重置", passwordOnce: (name) => `${name} 的临时密码，仅显示这一次，下次登录时须自行修改：`, passwordTold: "已告知本人",
  seesAll: (name) => `${name} 今后可查看全部站点。`, addUser: "开通", shutOut: "停用", letIn: "恢复", tokens: "程序与前端令牌", tokenName: "程序或前端名称", addToken: "创建令牌",
  endToken: "吊销", endTokenWhy: (name) => `吊销 ${name} 的令牌？使用它的程序或前端随即被拒绝，且令牌无法恢复。`, roleEdge: "前端（上传）", tokenOnce: "令牌仅显示这一次：", keptFor: "保存期限（天）",
  keptWhy: "到期数据连同图片和短片一并删除并留痕；未办结和已保全的除外。公共安全视频在中国至少保存 30 天。",
  kept_plate_passage: "过车记录", kept_watchlist_hit: "布控命中", kept_falling_object: "高空抛物", kept_sensor: "传感器", kept_camera: "摄像机状态",
  kept_other: "其他事件", deleteOlder: (what, days) => `${what}：${days} 天以前的数据将在一小时内删除。`, deleteThem: "确认删除", kept_alert: "已办结告警", kept_audit: "留痕内容",
};
