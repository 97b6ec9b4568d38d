// Words of the settings.
export const en = {
  thisBrowser: "This browser",
  soundOn: "Sound for a new alert", soundWhy: "Three tones for a critical alert, one for a warning; none for late ones.", tryIt: "Try it",
  repeatOn: "Sound again until taken", repeatWhy: "Every 30 seconds while nobody has taken a critical alert.",
  notifyOn: "Desktop notification", notifyWhy: "Shown while the page is open but hidden.", notifyDenied: "The browser forbids it: allow notifications for this address.",
  wallOn: "Wall mode", signedInAs: "Signed in as", role: "Role",
  viewer: "viewer", operator: "operator", auditor: "auditor", admin: "administrator",
  keyboard: "Keyboard", ownPassword: "Password", oldPassword: "Old password", newPassword: "New password (at least 10 characters)", newAgain: "New password again",
  changePassword: "Change", passwordWhy: "You sign in again afterwards, on every device. Who came by a sign-in link has no password.", passwordsDiffer: "The two new passwords differ.",
};
export const zh = {
  thisBrowser: "本浏览器",
  soundOn: "新告警声音", soundWhy: "紧急告警响三声，警告响一声；补报不响。", tryIt: "试听",
  repeatOn: "无人处理时重复响铃", repeatWhy: "紧急告警无人处理时每 30 秒响一次。",
  notifyOn: "桌面通知", notifyWhy: "页面打开但不在前台时显示。", notifyDenied: "浏览器已禁止：请允许此地址发送通知。",
  wallOn: "大屏模式", signedInAs: "当前用户", role: "角色",
  viewer: "查看员", operator: "值班员", auditor: "审计员", admin: "管理员",
  keyboard: "快捷键", ownPassword: "密码", oldPassword: "原密码", newPassword: "新密码（至少 10 个字符）", newAgain: "再次输入新密码",
  changePassword: "修改", passwordWhy: "修改后，所有设备均需重新登录。通过登录链接进入的用户没有密码。", passwordsDiffer: "两次输入的新密码不一致。",
};
