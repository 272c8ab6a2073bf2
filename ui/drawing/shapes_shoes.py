# ruff: noqa: E501 -- SVG paths are read as one line each
"""Silhouettes of shoes, seen from the side, toe to the right, ground at y = 226."""

from __future__ import annotations

from shopping_assistant.ui.drawing.pen import Pen
from shopping_assistant.ui.drawing.swatches import brightness, mix

Traits = frozenset[str]
_HIGH = ("high", "high-heel", "stiletto", "heeled", "heel", "heels")
_RUBBER = "#ece6da"


def _sole(pen: Pen) -> str:
    """Dark soles under dark shoes, stacked leather under light ones."""
    return "#1b1a1d" if brightness(pen.ink.base) < 0.35 else "#6b4a34"


def sneaker(pen: Pen, traits: Traits) -> None:
    sole = mix(_RUBBER, pen.ink.base, 0.06) if brightness(pen.ink.base) < 0.85 else "#d9d2c4"
    if traits.intersection(("high-top", "hi-top", "basketball")):
        pen.cloth("M50 98 C66 104 88 104 102 94 C106 118 112 130 122 142 L54 160 Z")
        pen.disc(72, 130, 8, pen.ink.second, pen.ink.line)
    pen.trim("M52 144 C62 128 92 126 108 134 L100 160 L60 160 Z", mix(pen.ink.dark, "#0b0b10", 0.2))
    pen.cloth("M44 204 C40 180 42 156 50 138 C58 136 62 150 74 154 C88 158 100 148 110 132 C124 138 138 156 158 166 "
              "C190 172 214 182 214 206 L212 210 L46 210 Z")  # fmt: skip
    pen.cloth("M44 204 C41 184 42 168 46 152 C60 160 74 178 76 210 L46 210 Z", fill=pen.ink.dark, plain=True)
    pen.cloth("M170 168 C196 172 214 184 214 206 L213 210 L150 210 C150 192 158 176 170 168 Z", plain=True)
    pen.seam("M154 208 C154 194 162 180 174 172", dash="3 2.2")
    pen.cloth("M104 142 L110 132 C124 138 138 156 160 167 L148 180 C128 172 112 158 104 142 Z", fill=pen.ink.light, plain=True)
    laces = mix(_RUBBER, "#ffffff", 0.4) if brightness(pen.ink.base) < 0.8 else "#b9b2a6"
    for x, y in ((107, 146), (117, 156), (128, 165), (140, 173)):
        pen.line(f"M{x} {y} L{x + 13} {y - 9}", 3, laces)
    pen.cloth("M82 210 C88 190 106 180 132 184 L124 192 C110 190 102 198 100 210 Z", fill=pen.ink.second, plain=True)
    pen.trim("M40 206 C40 200 46 202 54 203 L208 203 C216 202 220 208 219 214 C218 223 212 226 202 226 L58 226 C46 226 39 220 40 206 Z", sole)
    pen.seam("M43 216 H217", width=1.4, colour=mix(sole, "#4a443a", 0.4))


def _boot(pen: Pen, top: int, heel: int, block: bool) -> str:
    lift = heel
    return (
        f"M78 {top} L134 {top} C132 {top + 40} 132 {140 - lift // 4} 146 {160 - lift // 5} C160 {174 - lift // 6} 206 182 210 210 "
        f"L208 214 L150 214 C128 212 112 {212 - lift // 2} 100 {214 - lift} L72 {214 - lift} C68 {190 - lift} 76 160 78 {top} Z"
    )


def _boot_sole(pen: Pen, heel: int, slim: bool = False) -> None:
    sole = _sole(pen)
    if heel <= 16:
        pen.trim(f"M70 {212 - heel} L104 {212 - heel} C116 {214 - heel // 2} 130 214 150 214 L210 212 Q214 222 206 224 L150 224 "
                 f"C138 224 118 220 108 {218 - heel // 3} L107 226 L71 226 Z", sole)  # fmt: skip
        return
    width = 10 if slim else 24
    pen.trim(f"M71 {213 - heel} L102 {213 - heel} C96 {222 - heel} {72 + width} {214 - heel // 2} {73 + width} 226 L73 226 C73 {214 - heel // 2} 70 {222 - heel} 71 {213 - heel} Z", sole)
    pen.trim(f"M100 {212 - heel} C112 {212 - heel // 2} 130 212 150 213 L210 210 Q214 219 206 221 L150 221 C130 220 112 {219 - heel // 2} 98 {217 - heel} Z", sole)


def _heel_height(traits: Traits, default: int) -> int:
    if traits.intersection(("flat", "low-heel", "flatform")):
        return 10
    for words, height in ((("stiletto", "high"), 46), (("mid", "medium", "block", "heeled"), 30), (("low", "kitten"), 20)):
        if traits.intersection(words):
            return height
    return default


def ankle_boot(pen: Pen, traits: Traits) -> None:
    heel = _heel_height(traits, 30)
    pen.cloth(_boot(pen, 92, heel, True))
    pen.trim("M78 92 L134 92 L133 84 L79 84 Z", mix(pen.ink.dark, "#0b0b10", 0.1))
    if "lace-up" in traits:
        pen.cloth("M108 92 L134 92 C132 126 134 142 147 160 L136 166 C116 150 108 122 108 92 Z", fill=pen.ink.dark, plain=True)
        for x, y in ((112, 100), (112, 112), (114, 124), (119, 136), (127, 147)):
            pen.line(f"M{x} {y} L{x + 16} {y - 4}", 2.4, pen.ink.seam)
    elif "buckle" in traits:
        pen.cloth("M77 150 C96 162 118 160 140 146 L146 158 C122 174 94 174 74 162 Z", fill=pen.ink.dark, plain=True)
        pen.add(f'<rect x="100" y="154" width="17" height="17" rx="3" fill="none" stroke="{pen.ink.metal}" stroke-width="3.2"/>')
    elif "slip-on" not in traits and "pull-on" not in traits:
        pen.zip(f"M100 94 C98 130 98 160 100 {206 - heel}")
    pen.seam("M146 162 C132 170 118 174 104 170", opacity=0.6)
    pen.seam("M172 176 C164 188 162 200 164 213", opacity=0.5)
    if not traits & {"suede", "nubuck", "canvas", "velvet"}:
        pen.shine("M116 98 C114 126 116 146 128 160 L134 156 C124 142 122 120 124 98 Z", 0.2)
    _boot_sole(pen, heel, slim="stiletto" in traits)


def chelsea_boot(pen: Pen, traits: Traits) -> None:
    pen.cloth(_boot(pen, 100, 14, True))
    elastic = mix(pen.ink.base, "#000000", 0.35) if brightness(pen.ink.base) > 0.25 else mix(pen.ink.base, "#ffffff", 0.16)
    pen.trim("M90 100 L126 100 C124 130 118 158 108 166 C98 158 92 130 90 100 Z", elastic)
    pen.seam(*(f"M{x} 103 L{106 + (x - 108) * 0.3:.0f} {160 - abs(x - 108)}" for x in range(94, 126, 5)),
             colour=mix(elastic, "#ffffff", 0.35), opacity=0.8, width=1)  # fmt: skip
    pen.line("M80 104 C74 92 84 88 86 102", 3.4, pen.ink.dark)
    pen.line("M127 102 C126 90 136 90 133 104", 3.4, pen.ink.dark)
    pen.shine("M136 150 C152 168 180 176 196 190 L188 192 C170 184 146 176 132 158 Z", 0.22)
    _boot_sole(pen, 12)


def tall_boot(pen: Pen, traits: Traits) -> None:
    heel = _heel_height(traits, 24)
    over = bool(traits.intersection(("over-the-knee", "thigh-high", "overknee")))
    top = 24 if over else 44
    pen.cloth(f"M70 {top} L138 {top} C140 {top + 60} 128 120 134 {146 - heel // 4} C140 168 206 182 210 210 L208 214 L150 214 "
              f"C128 212 112 {212 - heel // 2} 100 {214 - heel} L72 {214 - heel} C68 180 84 150 74 {top + 50} Z")  # fmt: skip
    pen.cloth(f"M69 {top} H139 L138 {top + 11} H70 Z", fill=pen.ink.dark, plain=True)
    pen.zip(f"M96 {top + 13} C98 100 98 160 98 {206 - heel}")
    pen.seam("M134 150 C126 162 114 168 104 168", opacity=0.6)
    pen.shine(f"M112 {top + 16} C116 90 112 120 120 150 L127 148 C118 120 124 90 122 {top + 16} Z", 0.22)
    _boot_sole(pen, heel)


def hiking_boot(pen: Pen, traits: Traits) -> None:
    pen.cloth(_boot(pen, 92, 10, True))
    pen.cloth("M112 92 L134 92 C132 132 132 140 146 158 L160 168 L146 178 C122 166 112 140 112 92 Z", fill=pen.ink.dark, plain=True)
    for x, y in ((113, 104), (114, 118), (117, 132), (123, 146), (132, 158)):
        pen.line(f"M{x} {y} L{x + 18} {y - 5}", 3, mix(pen.ink.second, "#c96f2e", 0.5))
        pen.disc(x, y, 2.6, pen.ink.metal)
    pen.cloth("M168 174 C196 182 208 192 210 212 L162 214 C158 196 160 184 168 174 Z", fill=pen.ink.dark, plain=True)
    pen.line("M82 94 C74 86 78 80 84 84", 3, pen.ink.dark)
    sole = "#232226"
    pen.trim("M66 204 L212 208 L214 220 L208 228 H196 L194 222 H186 L184 228 H170 L168 222 H160 L158 228 H144 L142 222 H134 L132 228 "
             "H118 L116 222 H108 L106 228 H92 L90 222 H82 L80 228 H68 Z", sole)  # fmt: skip


def lace_up_boot(pen: Pen, traits: Traits) -> None:
    pen.cloth(_boot(pen, 78, 12, True))
    pen.seam("M114 80 C112 130 118 152 140 166", opacity=0.7)
    for x, y in ((115, 92), (114, 106), (115, 120), (118, 134), (124, 147), (133, 158)):
        pen.line(f"M{x} {y} L{x + 17} {y - 4}", 2.6, mix(pen.ink.base, "#000000", 0.4) if brightness(pen.ink.base) > 0.3 else "#57545a")
        pen.disc(x, y, 2.2, pen.ink.metal)
    pen.line("M80 84 C72 74 76 66 83 68 C88 70 86 78 84 84", 3.4, pen.ink.dark)
    pen.trim("M68 202 L104 203 C120 210 140 212 212 209 Q216 222 210 227 L70 227 Z", _sole(pen))
    pen.seam("M70 212 H212", colour="#d8b14e", dash="4 3", width=1.4, opacity=0.9)


def rain_boot(pen: Pen, traits: Traits) -> None:
    pen.cloth("M72 58 L138 58 C138 110 132 130 138 150 C146 170 206 178 210 206 L208 214 L72 214 C66 180 76 150 72 58 Z")
    pen.cloth("M70 54 H140 V68 H70 Z", fill=pen.ink.dark, plain=True)
    pen.shine("M84 72 C86 120 84 160 82 200 L92 200 C94 160 96 120 94 72 Z", 0.4)
    pen.trim("M68 206 H212 Q216 220 208 226 H70 Q64 218 68 206 Z", _sole(pen))


def pump(pen: Pen, traits: Traits) -> None:
    heel = _heel_height(traits, 46)
    lift = heel + 6
    pen.cloth(f"M46 {214 - lift} C42 {196 - lift} 46 {180 - lift} 54 {172 - lift} C64 {188 - lift} 84 {206 - lift * 3 // 4} 112 {200 - lift // 3} "
              f"C136 {194 - lift // 5} 146 182 156 178 C184 186 212 200 216 214 Q216 218 210 218 L158 218 C128 216 96 {214 - lift // 2} 62 {218 - lift} "
              f"Q50 {220 - lift} 46 {214 - lift} Z")  # fmt: skip
    pen.trim(f"M54 {172 - lift} C64 {188 - lift} 84 {206 - lift * 3 // 4} 112 {200 - lift // 3} C136 {194 - lift // 5} 146 182 156 178 "
             f"C140 {178 - lift // 6} 122 {192 - lift // 3} 104 {192 - lift // 2} C84 {194 - lift * 3 // 4} 68 {182 - lift} 54 {172 - lift} Z", "#d9c4ab")  # fmt: skip
    pen.shine("M168 188 C188 194 202 202 208 210 C192 204 178 198 164 194 Z", 0.45)
    block = "block" in traits or heel < 24
    base = 24 if block else 8
    pen.cloth(f"M46 {214 - lift} Q50 {220 - lift} 62 {218 - lift} L76 {219 - lift} C66 {226 - lift * 2 // 3} {52 + base} {216 - lift // 4} {53 + base} 226 L52 226 C52 {214 - lift // 4} 44 {226 - lift} 46 {214 - lift} Z", plain=True)
    pen.trim(f"M66 {219 - lift} C96 {216 - lift // 2} 128 218 158 219 L212 219 Q214 223 206 224 L156 224 C126 223 94 {221 - lift // 2} 62 {223 - lift} Z", _sole(pen))
    if traits.intersection(("slingback", "strap", "ankle-strap", "mary")):
        pen.line(f"M54 {174 - lift} C62 {160 - lift} 92 {164 - lift} 110 {190 - lift // 3}", 3.4)
        pen.disc(102, 176 - lift // 2, 3.4, pen.ink.metal)


def loafer(pen: Pen, traits: Traits) -> None:
    pen.cloth("M48 206 C44 180 46 164 54 152 C66 164 84 174 106 168 C116 164 124 156 132 150 C146 152 158 164 172 172 C196 178 212 190 212 208 L210 212 L50 212 Z")
    pen.trim("M54 152 C66 164 84 174 106 168 C116 164 124 156 132 150 C120 148 106 156 94 158 C80 160 66 156 54 152 Z", mix(pen.ink.dark, "#0b0b10", 0.3))
    pen.seam("M138 154 C144 176 174 186 204 192", width=1.8)
    pen.cloth("M112 172 C120 164 128 158 136 154 L156 172 C148 184 138 192 126 196 Z", fill=pen.ink.dark, plain=True)
    pen.seam("M122 186 L146 164", width=2, opacity=0.8)
    if traits.intersection(("tassel", "tasselled")):
        pen.line("M150 176 L158 190", 4, pen.ink.dark)
        pen.line("M146 180 L150 194", 4, pen.ink.dark)
    else:
        pen.line("M124 184 L142 168", 3, pen.ink.metal)
    pen.trim("M46 208 H212 Q216 218 208 220 H108 L106 227 H48 Z", _sole(pen))


def lace_up_shoe(pen: Pen, traits: Traits) -> None:
    pen.cloth("M48 206 C44 178 46 160 54 146 C66 158 82 166 98 158 C106 152 112 144 120 140 C132 150 148 164 168 172 C196 178 214 190 214 208 L212 212 L50 212 Z")
    pen.trim("M54 146 C66 158 82 166 98 158 C106 152 112 144 120 140 C106 138 96 146 84 148 C72 150 62 148 54 146 Z", mix(pen.ink.dark, "#0b0b10", 0.3))
    pen.seam("M92 210 C92 190 100 172 118 166 M150 164 C146 180 150 196 158 210", opacity=0.8)
    pen.seam("M178 176 C170 186 168 198 170 211", dash="1.5 2.5", width=2)
    for x, y in ((112, 152), (122, 160), (132, 167)):
        pen.line(f"M{x} {y + 6} L{x + 12} {y - 4}", 2.4, mix(pen.ink.seam, "#000000", 0.2))
    pen.trim("M46 208 H214 Q218 218 210 220 H108 L106 228 H48 Z", _sole(pen))


def ballet_flat(pen: Pen, traits: Traits) -> None:
    pen.cloth("M44 206 C40 190 42 178 50 172 C62 190 92 200 122 198 C140 196 150 186 160 180 C186 184 210 196 214 210 Q212 216 206 216 L54 216 Q46 214 44 206 Z")
    pen.trim("M50 172 C62 190 92 200 122 198 C140 196 150 186 160 180 C146 178 136 186 118 190 C92 194 66 186 50 172 Z", "#d9c4ab")
    pen.cloth("M152 184 C142 174 140 184 144 188 Z", "M156 182 C164 170 168 180 162 186 Z", plain=True)
    pen.disc(154, 184, 3, pen.ink.dark)
    pen.shine("M172 190 C190 194 202 202 206 208 C192 202 178 198 168 196 Z", 0.4)
    pen.trim("M48 215 H208 Q206 222 198 222 H74 L72 226 H50 Z", _sole(pen))


def sandal(pen: Pen, traits: Traits) -> None:
    if traits.intersection((*_HIGH, "stiletto", "block")) and not traits.intersection(("flat", "low-heel")):
        return heeled_sandal(pen, traits)
    pen.trim("M40 212 C60 204 120 210 160 206 C190 202 214 206 216 214 Q214 226 204 226 H54 Q40 224 40 212 Z", "#a9794d")
    pen.seam("M42 217 C80 212 160 214 214 214", colour="#5d3d22")
    pen.cloth("M148 208 C146 184 158 176 170 176 C184 178 194 190 196 207 L180 207 C178 196 174 190 168 190 C162 190 160 198 162 208 Z")
    pen.cloth("M104 209 C106 176 120 164 132 164 L142 170 C128 174 120 190 120 209 Z")
    pen.line("M52 208 C46 180 48 164 58 160 C84 152 114 158 136 166", 8)
    pen.line("M52 206 C50 196 50 186 54 178", 8)
    pen.add(f'<rect x="84" y="147" width="14" height="15" rx="3" fill="none" stroke="{pen.ink.metal}" stroke-width="3"/>')
    return None


def heeled_sandal(pen: Pen, traits: Traits) -> None:
    lift = 44 if not traits.intersection(("low", "mid", "kitten")) else 28
    base = 24 if "block" in traits else 9
    pen.trim(f"M44 {212 - lift} C70 {204 - lift} 112 {214 - lift // 3} 150 212 C180 208 212 208 214 216 Q212 223 202 223 L150 222 "
             f"C120 222 96 {218 - lift // 2} 66 {220 - lift} L48 {222 - lift} Q42 {218 - lift} 44 {212 - lift} Z", "#b98a5c")  # fmt: skip
    pen.cloth(f"M46 {217 - lift} L74 {218 - lift} C66 {226 - lift // 2} {50 + base} 206 {52 + base} 226 H52 C52 206 44 {226 - lift} 46 {217 - lift} Z", plain=True)
    pen.line("M154 212 C152 190 166 182 176 186 C188 190 194 200 195 210", 9)
    pen.line(f"M52 {210 - lift} C46 {184 - lift} 50 {170 - lift} 60 {168 - lift} C82 {164 - lift} 100 {170 - lift} 112 {180 - lift}", 6)
    pen.line(f"M64 {212 - lift} C90 {190 - lift} 104 {182 - lift} 116 {176 - lift}", 5)
    pen.disc(92, 166 - lift, 4, pen.ink.metal, pen.ink.line)


def wedge(pen: Pen, traits: Traits) -> None:
    pen.trim("M42 164 C80 170 130 206 214 208 Q220 218 212 226 H54 Q46 200 42 164 Z", "#c79a62")
    pen.seam("M46 176 C84 184 130 212 214 214 M48 190 C84 196 128 218 200 220 M50 206 C80 208 110 220 140 223", colour="#7e5a30", dash="4 2.5")
    pen.cloth("M150 204 C148 176 166 170 178 178 C190 186 198 196 200 208 Z")
    pen.line("M46 162 C40 140 46 128 56 126 C80 120 100 128 114 138", 6)
    pen.line("M50 164 L58 128", 8)


def flip_flop(pen: Pen, traits: Traits) -> None:
    for dx, turn in ((-36, -6), (40, 6)):
        pen.add(f'<g transform="translate({dx} 0) rotate({turn} 120 150)">')
        pen.cloth("M120 50 C150 50 160 80 154 120 C148 150 150 190 146 220 C144 246 96 246 94 220 C90 190 92 150 86 120 C80 80 90 50 120 50 Z",
                  fill=mix(pen.ink.base, "#ffffff", 0.18))  # fmt: skip
        pen.line("M120 88 C104 104 94 126 92 154", 6, pen.ink.dark)
        pen.line("M120 88 C136 104 146 126 148 154", 6, pen.ink.dark)
        pen.disc(120, 87, 4.5, pen.ink.dark)
        pen.add("</g>")


def slipper(pen: Pen, traits: Traits) -> None:
    pen.cloth("M104 206 C100 176 120 158 146 162 C184 168 214 184 214 208 L212 214 L104 214 Z")
    pen.trim("M104 206 C100 176 120 158 146 162 C132 166 118 180 118 208 Z", mix(pen.ink.light, "#f6efe2", 0.6))
    pen.trim("M40 206 C60 202 90 206 110 208 L216 210 Q218 224 206 226 H54 Q38 222 40 206 Z", mix("#cdb694", pen.ink.base, 0.15))
