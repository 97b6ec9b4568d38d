// Words of the sign-in.
export const en = {
  signedOut: "Signed out", signInFirst: "Sign in to watch",
  signInHow: "Ask the collector's machine for a sign-in link. It works once, for 15 minutes:", signingIn: "Signing in …",
};
export const zh = {
  signedOut: "已退出", signInFirst: "请先登录", signInHow: "请在汇聚端主机上生成登录链接，仅可使用一次，15 分钟内有效：", signingIn: "正在登录……",
};
