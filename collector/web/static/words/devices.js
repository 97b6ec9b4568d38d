// Words of boxes, cameras, and messages that could not be sent.
export const en = {
  devices: "Devices", box: "Box", lastsFor: (time) => `for ${time}`, lastReport: "Last report", oldestWaits: "Oldest waits", picturesWait: "Pictures waiting", temperature: "Temperature",
  diskFree: "Disk free", clockOff: "Clock off by", version: "Version", noBoxes: "No box has spoken yet.", noCameras: "No camera is known yet.", framesPerSecond: "Pictures/s",
  lastFrame: "Last picture", behind: "Behind", reconnects: "Reconnected", remark: "Remark", weatherMode: "weather mode", untold: "Messages to people that were not sent",
  toldTo: "To", toldOf: "About", told_waiting: "waits", told_failed: "given up", nextTry: (time) => `next try ${time}`, allTold: "All were sent.",
  occasion_raised: "new", occasion_unacknowledged: "nobody acknowledged", occasion_overdue: "overdue", details: "Details",
};
export const zh = {
  devices: "设备", box: "前端", lastsFor: (time) => `已 ${time}`, lastReport: "最近上报", oldestWaits: "最早待发", picturesWait: "待传图片", temperature: "温度",
  diskFree: "磁盘剩余", clockOff: "时钟偏差", version: "版本", noBoxes: "尚无前端上报。", noCameras: "尚无摄像机。", framesPerSecond: "帧/秒",
  lastFrame: "最近画面", behind: "滞后", reconnects: "重连次数", remark: "备注", weatherMode: "雨雪模式", untold: "未送达的通知",
  toldTo: "接收方", toldOf: "内容", told_waiting: "待发送", told_failed: "已放弃", nextTry: (time) => `${time} 重试`, allTold: "全部已送达。",
  occasion_raised: "新告警", occasion_unacknowledged: "无人确认", occasion_overdue: "已超时", details: "详情",
};
