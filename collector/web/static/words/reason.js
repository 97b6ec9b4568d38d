// Words about seeing plates.
export const en = {
  platesMasked: "Plates are masked for your role.", platesShownFor: (text) => `Plates are shown for: ${text}. Every look is recorded.`,
  maskAgain: "Mask again", whyPlates: "Plates are masked. What do you need them for? (is recorded)", whyExample: "such as: case 2026-113",
  showPlates: "Show plates",
};
export const zh = {
  platesMasked: "您的角色看到的车牌已遮盖。", platesShownFor: (text) => `正在显示车牌，事由：${text}。每次查看都会留痕。`,
  maskAgain: "重新遮盖", whyPlates: "车牌已遮盖。查看事由（将留痕）", whyExample: "例如：案件 2026-113", showPlates: "显示车牌",
};
