// Words of the record of who looked at what.
export const en = {
  audit: "Record", audit_who: "Who", audit_action: "What", audit_plate: "Plate", audit_words: "Words in the reason", audit_since: "When", audit_until: "Before",
  audit_reason: "What for", audit_shown: "Plates shown", audit_subject: "Where", anyAction: "anything", searchActs: "Search", noActs: "Nobody did such a thing.",
  moreActs: "More", erased: "Its content has expired; its digest is kept.", whole: "Is the record whole?",
  wholeWhy: "Every line is chained to the one before. The check recalculates all of it; keep the last line elsewhere to compare later.",
  checkNow: "Check now", isWhole: (n) => `${n} lines; nothing was changed, removed or put in.`,
  act_view: "looked at", act_list: "listed", act_search: "searched", act_export: "exported", act_evidence: "opened a picture", act_original: "took an original",
  act_correct: "corrected", act_propose: "proposed to watch", act_propose_again: "proposed what is watched already", act_approve: "approved", act_refuse: "refused", act_withdraw: "withdrew", act_sign_in: "signed in",
  act_add_user: "let somebody in", act_change_user: "changed a user", act_add_token: "made a token", act_revoke_token: "ended a token", act_hold: "put on hold",
  act_release: "released a hold", act_set_retention: "changed how long is kept", act_expire: "deleted what had expired", act_set_due: "changed due times", act_set_limit: "changed a limit", act_set_channel: "changed who is told", act_test_channel: "sent a test message",
  act_change_password: "changed the password", act_reset_password: "set a password anew", act_acknowledged: "confirmed an alert", act_assigned: "sent a unit", act_on_scene: "said: on scene", act_resolved: "resolved an alert",
  act_dismissed: "dismissed an alert", act_new: "opened an alert again", act_comment: "commented", act_add: "added", act_change: "changed", act_remove: "removed", act_import: "imported",
  act_place: "put on the map", act_unplace: "took off the map", act_plan: "set the site plan", act_unplan: "removed the site plan",
};
export const zh = {
  audit: "留痕", audit_who: "人员", audit_action: "操作", audit_plate: "车牌", audit_words: "事由包含", audit_since: "时间", audit_until: "截止",
  audit_reason: "事由", audit_shown: "显示的车牌", audit_subject: "位置", anyAction: "不限", searchActs: "查询", noActs: "没有符合条件的记录。",
  moreActs: "更多", erased: "内容已到期清除，摘要仍保留。", whole: "记录是否完整？",
  wholeWhy: "每条记录都与前一条相链。检查会全部重新计算；请把最后一行另存，供日后比对。",
  checkNow: "立即检查", isWhole: (n) => `共 ${n} 条，没有被修改、删除或插入。`,
  act_view: "查看", act_list: "列表", act_search: "查询", act_export: "导出", act_evidence: "打开图片", act_original: "提取原图",
  act_correct: "更正", act_propose: "申请布控", act_propose_again: "申请布控（已在名单中）", act_approve: "批准", act_refuse: "驳回", act_withdraw: "撤控", act_sign_in: "登录",
  act_add_user: "开通用户", act_change_user: "变更用户", act_add_token: "创建令牌", act_revoke_token: "吊销令牌", act_hold: "保全",
  act_release: "解除保全", act_set_retention: "变更保存期限", act_expire: "到期删除", act_set_due: "修改处置时限", act_set_limit: "修改距离或合并时间", act_set_channel: "修改通知渠道", act_test_channel: "发送测试消息",
  act_change_password: "修改密码", act_reset_password: "重置密码", act_acknowledged: "确认告警", act_assigned: "派单", act_on_scene: "登记到场", act_resolved: "办结告警",
  act_dismissed: "忽略告警", act_new: "重新打开告警", act_comment: "备注", act_add: "新增", act_change: "修改", act_remove: "删除", act_import: "导入",
  act_place: "上图", act_unplace: "从地图移除", act_plan: "设置平面图", act_unplan: "移除平面图",
};
