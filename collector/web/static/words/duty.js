// Words of due times, and of who is told outside the page.
export const en = {
  dueTimes: "Due times", dueWhy: "Counted in minutes from when an alert was raised or opened again; whoever passes one is overdue. A change holds for new alerts, and for open ones from their next step on.",
  dueAcknowledge: "Confirmed within, min", dueArrive: "On scene within, min", dueClose: "Closed within, min", saveIt: "Save", asConfigured: "As in the file", changedBy: (who, time) => `changed by ${who}, ${time}`,
  limits: "What is near, what is one case", limitsWhy: "A unit counts as near an alert within this distance, while it has reported lately. What repeats soon enough at one window, plate, sensor or camera joins the open alert; 0: never.",
  limit_near_m: "Near, within m", limit_heard_s: "Heard of within, min", limit_again_falling_object_s: "Same window, within min", limit_again_watchlist_hit_s: "Same watched plate, within min",
  limit_again_sensor_s: "Same sensor, within min", limit_again_camera_s: "Same camera trouble, within min",
  isSaved: "Saved; in force now.", channels: "Who is told outside the page", channelsWhy: "Channels, with their addresses and keys, stand in the collector's configuration file; here you say of what they are told, and when.",
  noChannels: "The configuration file names no channel: nobody is told by mail, WeCom, DingTalk or webhook.", way_mail: "mail", way_wecom: "WeCom", way_dingtalk: "DingTalk", way_webhook: "webhook",
  toldLevels: "Told of", toldAfter: "After how many minutes (0: at once)", toldAfterWhy: "Later than at once: only if nobody has confirmed the alert by then.", toldOverdue: "When overdue, too", channelPaused: "Paused", testMessage: "Send a test message",
  testTaken: "The service has taken it. Has it arrived?", testFailed: (why) => `Not sent: ${why}`, lastSent: (time) => `last sent ${time}`, neverSent: "nothing sent lately", messagesWait: (n) => `${n} waiting`, messagesLost: (n) => `${n} given up`,
};
export const zh = {
  dueTimes: "处置时限", dueWhy: "自告警产生或重新打开起按分钟计算，超过即为超时。修改对新告警立即生效，未结告警自下一步起生效。",
  dueAcknowledge: "确认时限（分钟）", dueArrive: "到场时限（分钟）", dueClose: "办结时限（分钟）", saveIt: "保存", asConfigured: "恢复配置文件", changedBy: (who, time) => `${who} 于 ${time} 修改`,
  limits: "就近与合并", limitsWhy: "单位在此距离内且近期有上报，才算在告警附近。同一窗口、车牌、传感器或摄像机在此时间内再次发生，并入未结告警；0 为从不合并。",
  limit_near_m: "就近距离（米）", limit_heard_s: "最近上报（分钟）", limit_again_falling_object_s: "同一窗口（分钟）", limit_again_watchlist_hit_s: "同一布控车牌（分钟）",
  limit_again_sensor_s: "同一传感器（分钟）", limit_again_camera_s: "同一摄像机故障（分钟）",
  isSaved: "已保存，立即生效。", channels: "页面之外的通知", channelsWhy: "通知渠道及其地址、密钥在采集端配置文件中设置；此处设定通知内容和时间。",
  noChannels: "配置文件中没有通知渠道：不会通过邮件、企业微信、钉钉或 Webhook 通知任何人。", way_mail: "邮件", way_wecom: "企业微信", way_dingtalk: "钉钉", way_webhook: "Webhook",
  toldLevels: "通知级别", toldAfter: "延后分钟数（0 为立即）", toldAfterWhy: "延后时，仅在届时仍无人确认的情况下通知。", toldOverdue: "超时也通知", channelPaused: "暂停", testMessage: "发送测试消息",
  testTaken: "服务已接收，请确认是否收到。", testFailed: (why) => `未送出：${why}`, lastSent: (time) => `最近发送 ${time}`, neverSent: "近期未发送", messagesWait: (n) => `${n} 条待发送`, messagesLost: (n) => `${n} 条已放弃`,
};
