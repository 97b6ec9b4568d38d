// Words of units, their tasks, and the figures about them.
export const en = {
  tasks: "Tasks", tab_tasks: "Who does what", tab_units: "Units", tab_figures: "Figures",
  noUnitsYet: "There are no units yet.", nothingToDo: "Nothing to do.", overdueCount: (n) => `${n} overdue`, unit: "Unit",
  unitName: "Name", unitId: "Short name", unitIdRule: "a-z, 0-9, hyphen and underscore, such as patrol-1", unitKind: "Kind of unit", contact: "Telephone, radio", site: "Site",
  duty: "Duty", onDuty: "on duty", offDuty: "off duty", add: "Add",
  unit_patrol: "Patrol", unit_guard: "Guard", unit_fire: "Fire brigade", unit_repair: "Repair", unit_property: "Property management", unit_other: "Other",
  responseTimes: "Response times", lastWeeks: "Weeks", asCsv: "As CSV", week: "Week of", closedCount: "Closed", median: "Median", nobody: "nobody sent",
  timeToAcknowledge: "To acknowledge", timeToArrive: "To arrive", timeToClose: "To close", noFigures: "No alerts in this time.",
  quality: "How often cameras and sensors are right", count_valid: "Right", count_false: "Wrong", count_neither: "Neither", count_open: "Open",
  count_shareValid: "Right of all", mistakenFor: "Dismissed because of",
};
export const zh = {
  tasks: "任务", tab_tasks: "任务清单", tab_units: "处置单位", tab_figures: "统计",
  noUnitsYet: "尚无处置单位。", nothingToDo: "暂无任务。", overdueCount: (n) => `${n} 项超时`, unit: "单位",
  unitName: "名称", unitId: "代号", unitIdRule: "a-z、0-9、连字符和下划线，例如 patrol-1", unitKind: "单位类别", contact: "电话、电台", site: "站点",
  duty: "值勤", onDuty: "在岗", offDuty: "离岗", add: "添加",
  unit_patrol: "巡逻", unit_guard: "保安", unit_fire: "消防", unit_repair: "维修", unit_property: "物业", unit_other: "其他",
  responseTimes: "响应时间", lastWeeks: "周数", asCsv: "导出 CSV", week: "周（起）", closedCount: "已结", median: "中位数", nobody: "未派单",
  timeToAcknowledge: "确认用时", timeToArrive: "到场用时", timeToClose: "办结用时", noFigures: "此期间没有告警。",
  quality: "摄像机与传感器准确率", count_valid: "属实", count_false: "误报", count_neither: "不计", count_open: "未结",
  count_shareValid: "属实率", mistakenFor: "忽略原因",
};
