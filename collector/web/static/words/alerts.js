// Words of the alerts view.
export const en = {
  alerts: "Alerts", openAlerts: "Open", allAlerts: "All", events: "Events", overview: "Events per hour, last 24 hours",
  noAlerts: "Nothing needs you now.", noEvents: "No events yet.", more: "Show older", choose: "Choose an alert to see its picture.",
  keys: "Keys: ↑ ↓ choose · A acknowledge · R resolve · D dismiss · Esc back", acknowledge: "Acknowledge", resolve: "Resolve",
  dismiss: "Dismiss", reason: "Reason (optional)", standing: "standing", walking_pace: "walking pace", slow: "slow", normal: "normal",
  fast: "fast", withdrawn: "No longer matches", confused: "Looks alike",
  readAs: (place, listed, read) => `character ${place}: ${read} was read, the list has ${listed}`, picture: "Picture", clip: "Clip",
  noClip: "The clip follows when it has been cut.", path: "Path as seen", facts: "Facts", history: "History",
  certainty: "Certainty of each character", alternatives: "may also be", origin: "Origin", hypothesis: "Motion", free_fall: "free fall",
  terminal_velocity: "steady fall (light object)", originBefore: "Place of origin, before the fall", atGround: "At the ground",
  slight: "slight", painful: "painful", injuring: "injuring", deadly: "deadly", acceleration: "Acceleration", speed: "Speed",
  size: "Size", why: "Why", confidence: "Confidence", frames: "Frames read", stage: "Stage", provisional: "provisional", final: "final",
  rule: "Match", exact: "exact", confusable: "confusable characters", entry: "List entry", value: "Value", total: "all events",
  falls: "falls",
};
export const zh = {
  alerts: "告警", openAlerts: "待处理", allAlerts: "全部", events: "事件", overview: "近 24 小时每小时事件数", noAlerts: "目前没有待处理的告警。", noEvents: "暂无事件。",
  more: "更早的", choose: "选择一条告警以查看现场图片。", keys: "快捷键：↑ ↓ 选择 · A 确认 · R 办结 · D 忽略 · Esc 返回", acknowledge: "确认", resolve: "办结",
  dismiss: "忽略", reason: "原因（选填）", standing: "静止", walking_pace: "步行速度", slow: "慢速", normal: "正常", fast: "快速", withdrawn: "不再匹配",
  confused: "形近字符", readAs: (place, listed, read) => `第 ${place} 位：识别为 ${read}，名单为 ${listed}`, picture: "现场图片", clip: "录像",
  noClip: "录像截取完成后显示。", path: "轨迹", facts: "详情", history: "处理记录", certainty: "逐字可信度", alternatives: "也可能是", origin: "抛出位置",
  hypothesis: "运动方式", free_fall: "自由落体", terminal_velocity: "匀速飘落（轻物）", originBefore: "抛出位置（坠落前）", atGround: "落地时", slight: "轻微",
  painful: "疼痛", injuring: "致伤", deadly: "致命", acceleration: "加速度", speed: "速度", size: "大小", why: "判断依据", confidence: "可信度",
  frames: "识别帧数", stage: "阶段", provisional: "初步", final: "最终", rule: "匹配方式", exact: "完全一致", confusable: "易混字符", entry: "名单条目",
  value: "数值", total: "全部事件", falls: "抛物",
};
