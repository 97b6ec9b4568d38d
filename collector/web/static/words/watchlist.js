// Words of the watch list.
export const en = {
  watchlist: "Watch list", entry_standing: "Standing", entry_proposed: "Proposed", entry_approved: "Approved", entry_expired: "Expired", entry_refused: "Refused",
  entry_withdrawn: "Withdrawn", noEntries: "There is no such entry.", whyWatched: "Reason", proposedBy: "Proposed by", decidedBy: "Decided by",
  expires: "Until", decide: "Decide", withdraw: "Withdraw", approve: "Approve", refuse: "Refuse", decisionNote: "Note (optional)",
  proposePlate: "Propose a plate", propose: "Propose", onlySites: "Only at these sites", allSites: "all",
  somebodyElse: "Somebody else must approve it before the cameras look for it.", importTable: "Import a table (CSV: plate, until, reason)",
  imported: (n) => `${n} proposed`, exportList: "Export as CSV", toldEdges: "What the boxes were told", entriesTold: (n) => (n === 1 ? "1 entry" : `${n} entries`),
  toldNobody: "No box was told anything yet.",
  seenBefore: "Seen before?", seenWhy: "Passages of the last weeks with this plate, look-alikes too. The entry's reason is recorded.", notSeenBefore: "No passage with this plate is kept.",
  noListKey: "The collector has no key for the list (option --watchlist-key): boxes are told nothing.",
};
export const zh = {
  watchlist: "布控名单", entry_standing: "有效", entry_proposed: "待审批", entry_approved: "已批准", entry_expired: "已到期", entry_refused: "已驳回",
  entry_withdrawn: "已撤控", noEntries: "没有这样的条目。", whyWatched: "布控事由", proposedBy: "申请人", decidedBy: "审批人",
  expires: "有效至", decide: "审批", withdraw: "撤控", approve: "批准", refuse: "驳回", decisionNote: "备注（可选）",
  proposePlate: "申请布控", propose: "提交申请", onlySites: "仅限站点", allSites: "全部",
  somebodyElse: "须由他人审批后，摄像机才会开始查找。", importTable: "导入表格（CSV：plate, until, reason）",
  imported: (n) => `已提交 ${n} 条`, exportList: "导出 CSV", toldEdges: "前端下发情况", entriesTold: (n) => `${n} 条`,
  toldNobody: "尚未向任何前端下发。",
  seenBefore: "此前出现？", seenWhy: "保存期内该车牌（含形近字符）的过车记录；按该条目事由留痕。", notSeenBefore: "没有该车牌的过车记录。",
  noListKey: "采集端没有名单密钥（选项 --watchlist-key），不会下发。",
};
