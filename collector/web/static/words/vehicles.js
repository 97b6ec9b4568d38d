// Words of the vehicles.
export const en = {
  vehicles: "Vehicles", alike: "look-alikes count (0/O/D, 1/I, 8/B, 5/S, 2/Z)", anyDirection: "any", since: "From", until: "Until", search: "Search",
  reasonFirst: "A search by plate needs a reason: say it above.", noPassages: "No vehicle passed that fits.", morePassages: "More",
  someHashed: "Some passages here are kept as keyed hashes: they cannot be searched by plate and are not among the results.",
  exportCsv: "Export as CSV", corrected: "corrected", whereElse: "Where else?", certain: (p) => `${p} certain`,
  wasRead: (text) => `It was read as ${text}.`, pictureOfPassage: "Picture of the passage", corrections: "Corrections",
  correctIt: "Correct the reading", whyCorrect: "How do you know?", keepBoth: "Correct; keep what was read",
  onlyNewest: "Only the newest 1,000 points are shown.", later: (time) => `${time} later`, tooFast: "faster than possible",
  kind_small_blue: "small car", kind_large_yellow: "large, yellow", kind_new_energy_small: "new energy, small", kind_new_energy_large: "new energy, large",
  kind_large_yellow_double: "large, yellow, two rows", kind_trailer_double: "trailer", kind_police: "police", kind_police_double: "police, two rows", kind_armed_police: "armed police", kind_armed_police_double: "armed police, two rows", kind_military: "military", kind_military_double: "military, two rows", kind_black: "black (foreign, embassy)", kind_hongkong: "Hong Kong", kind_macau: "Macau", kind_learner: "learner", kind_embassy: "embassy", kind_consulate: "consulate", kind_aviation: "airport", kind_emergency: "emergency rescue", kind_tractor_double: "tractor", kind_standard: "European", kind_standard_double: "European, two rows",
};
export const zh = {
  vehicles: "车辆", alike: "形近字符视为相同（0/O/D、1/I、8/B、5/S、2/Z）", anyDirection: "不限", since: "从", until: "至", search: "查询",
  reasonFirst: "按车牌查询需先在上方填写事由。", noPassages: "没有符合条件的过车记录。", morePassages: "更多",
  someHashed: "部分过车记录仅存哈希，无法按车牌检索，未列入结果。",
  exportCsv: "导出 CSV", corrected: "已更正", whereElse: "查看轨迹", certain: (p) => `可信度 ${p}`,
  wasRead: (text) => `原识别结果：${text}。`, pictureOfPassage: "过车图片", corrections: "更正记录",
  correctIt: "更正车牌", whyCorrect: "更正依据", keepBoth: "更正（保留原识别结果）",
  onlyNewest: "仅显示最近 1,000 个点。", later: (time) => `${time}后`, tooFast: "行程时间不可能",
  kind_small_blue: "小型车（蓝）", kind_large_yellow: "大型车（黄）", kind_new_energy_small: "新能源小型", kind_new_energy_large: "新能源大型",
  kind_large_yellow_double: "大型车（黄，双层）", kind_trailer_double: "挂车", kind_police: "警车", kind_police_double: "警车（双层）", kind_armed_police: "武警", kind_armed_police_double: "武警（双层）", kind_military: "军车", kind_military_double: "军车（双层）", kind_black: "黑牌（外籍）", kind_hongkong: "港车", kind_macau: "澳车", kind_learner: "教练车", kind_embassy: "使馆", kind_consulate: "领馆", kind_aviation: "民航", kind_emergency: "应急救援", kind_tractor_double: "拖拉机", kind_standard: "欧洲车牌", kind_standard_double: "欧洲车牌（双行）",
};
