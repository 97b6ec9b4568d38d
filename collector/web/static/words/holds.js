// Words of what is kept as evidence.
export const en = {
  keepAsEvidence: "Keep as evidence", keptAsEvidence: "Kept as evidence", keepWhy: "What is kept stays with its events, pictures and clips until an administrator releases it, however old it becomes.",
  keepFor: "What for?", keepIt: "Keep", holds: "Kept as evidence (legal hold)", releasedToo: "Released ones too", heldWhat: "What", held_alert: "alert", held_event: "event",
  reasonOfHold: "What for", heldBy: "By", release: "Release", releaseWhy: (reason) => `Release what is kept for “${reason}”? If its time is over, it is deleted within the hour, with its pictures and clips.`, releasedBy: (who, time) => `released by ${who}, ${time}`, noHolds: "Nothing is kept longer.",
};
export const zh = {
  keepAsEvidence: "证据保全", keptAsEvidence: "已保全", keepWhy: "保全后，告警及其事件、图片和录像到期不删除，直至管理员解除。",
  keepFor: "保全事由", keepIt: "保全", holds: "证据保全", releasedToo: "含已解除", heldWhat: "内容", held_alert: "告警", held_event: "事件",
  reasonOfHold: "事由", heldBy: "操作人", release: "解除", releaseWhy: (reason) => `解除“${reason}”的保全？若已超过保存期限，将连同图片和录像在一小时内删除。`, releasedBy: (who, time) => `${who} 于 ${time} 解除`, noHolds: "没有保全内容。",
};
