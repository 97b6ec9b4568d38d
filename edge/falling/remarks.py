"""What the agent, `edge calibrate` and the page to draw on say of a drawing of the facade, in English and Chinese.

Names in braces stand for what is filled in; `kind` is itself one of the words here, floor or column.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Remark(NamedTuple):
    """One sentence in both languages, with the same names in braces."""

    en: str
    zh: str


REMARKS: Mapping[str, Remark] = {
    "floor": Remark("floor", "楼层"),
    "column": Remark("column", "列"),
    # refusals
    "twice": Remark(
        "{kind} {one} is drawn twice; each line needs its own {kind} number",
        "{kind} {one} 画了两次；每条线须有自己的编号",
    ),
    "one_column": Remark("draw at least two columns, or none", "请至少画两条列边线，或都不画"),
    "no_area": Remark(
        "an area needs corners that do not all lie on one line; draw it around what is meant",
        "区域的角点不能都在一条直线上；请沿所指之处的四周画",
    ),
    "point": Remark(
        "{kind} {one} is drawn as a point; draw its line from end to end",
        "{kind} {one} 只画成一个点；请从一端画到另一端",
    ),
    "upright": Remark(
        "floor {one} is drawn upright, as a column is; draw its line along the slab, from one side of the house to the "
        "other",
        "楼层 {one} 画得像列一样竖直；请沿楼板从楼的一侧画到另一侧",
    ),
    "level": Remark(
        "the columns are drawn level, as floors are; draw them along left edges of windows, from top to bottom",
        "各列画得像楼层一样水平；请沿窗户的左边缘从上画到下",
    ),
    "cross": Remark(
        "the lines of {kind}s {one} and {other} cross in the picture, which no two {kind}s of a house do; draw them "
        "anew",
        "{kind} {one} 与 {other} 的线在画面中相交，楼房上不会如此；请重画",
    ),
    "floors_swapped": Remark(
        "floor {other} is drawn below floor {one}; floor numbers grow upwards, those below ground are negative. If the "
        "picture stands on its head, turn it in the camera's own settings: things must fall downwards in it",
        "楼层 {other} 画在楼层 {one} 之下；层号自下而上增大，地下为负。若画面上下颠倒，请在相机设置中翻转："
        "画面里物体必须向下落",
    ),
    "columns_swapped": Remark(
        "column {other} is drawn to the left of column {one}; number columns from left to right, each by its left "
        "edge, or say that the house counts from the right (columns_counted_from: right)",
        "列 {other} 画在列 {one} 的左边；列号自左向右增大，各以左边缘为准；若该楼从右数起，"
        "请选择从右数（columns_counted_from: right）",
    ),
    "columns_swapped_from_right": Remark(
        "column {other} is drawn to the left of column {one}, but columns are counted from the right "
        "(columns_counted_from: right); number them from right to left, each by its left edge, or count from the left",
        "列 {other} 画在列 {one} 的左边，而列号从右数起（columns_counted_from: right）；列号应自右向左增大，"
        "各以左边缘为准，或改为从左数",
    ),
    "misfit": Remark(
        "the floor lines do not fit one facade (off by {off} floors); check the floor numbers and that left and right "
        "ends are on the same slab",
        "各楼层线不属于同一立面（偏差 {off} 层）；请检查层号，以及左右两端是否在同一楼板上",
    ),
    "meet": Remark(
        "by these lines floors or columns would meet within the house; check the numbers, and that both ends of each "
        "line lie on the same slab or edge",
        "按这些线，楼层或列会在楼内相交；请检查编号，以及每条线的两端是否在同一楼板或边缘上",
    ),
    # advice
    "crooked": Remark(
        "{kind} {one} fits badly: is its number right, and do both ends lie on the same slab or edge?",
        "{kind} {one} 偏差较大：编号对吗？两端在同一楼板或边缘上吗？",
    ),
    "two_floors": Remark(
        "two floors fit any map: draw a third one, so that a mistake can show",
        "两条楼层线怎样都能吻合：请再画一条，以便发现错误",
    ),
    "two_columns": Remark(
        "two columns fit any numbers: draw a third one, so that a mistake can show",
        "两条列边线怎样编号都能吻合：请再画一条，以便发现错误",
    ),
    "no_columns": Remark(
        "no columns: a fall will name its floor, not its window",
        "没有列：坠物事件只报楼层，不报窗户",
    ),
    "close": Remark(
        "the floors lie close together: draw some near the top and near the bottom of the house",
        "楼层线靠得太近：请在楼的上部和下部也画一些",
    ),
}


def said(name: str, **values: object) -> str:
    """The sentence of that name in English, filled in."""
    return REMARKS[name].en.format(**values)
