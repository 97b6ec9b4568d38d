// Words of the way in.
export const en = {
  signIn: "Sign in", signingIn: "Signing in …", userName: "Name", password: "Password", fullName: "Full name",
  userNameRule: "2 to 40 of a-z, 0-9, dot, hyphen and underscore, such as li.wei", passwordRule: "Password (at least 10 characters)",
  signInHow: "No account? Your administrator makes one. A one-time link comes from the collector's command sign-in-link.",
  chooseOwn: "An administrator has set this password anew. Choose one of your own, of at least 10 characters.",
  firstAdmin: "The first administrator", firstAdminWhy: "Nobody has an account yet. Make yours; it lets others in.", makeAccount: "Make the account",
};
export const zh = {
  signIn: "登录", signingIn: "正在登录……", userName: "用户名", password: "密码", fullName: "姓名",
  userNameRule: "2 至 40 个字符：a-z、0-9、点、连字符和下划线，例如 li.wei", passwordRule: "密码（至少 10 个字符）",
  signInHow: "没有账号？请管理员创建。一次性登录链接由采集端命令 sign-in-link 生成。",
  chooseOwn: "此密码由管理员重置，请先设置您自己的新密码（至少 10 个字符）。",
  firstAdmin: "首位管理员", firstAdminWhy: "还没有任何账号。请先创建您的账号，再由您开通其他人。", makeAccount: "创建账号",
};
