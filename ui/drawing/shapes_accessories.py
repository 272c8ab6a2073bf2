# ruff: noqa: E501 -- SVG paths are read as one line each
"""Silhouettes of bags, luggage, accessories and jewelry."""

from __future__ import annotations

import math

from shopping_assistant.ui.drawing.pen import Pen, both
from shopping_assistant.ui.drawing.swatches import METALS, mix

Traits = frozenset[str]
GOLD, SILVER, ROSE = "#d0a545", "#bcc2ca", "#d3a08d"


# ---- bags and luggage


def tote(pen: Pen, traits: Traits) -> None:
    pen.line("M86 122 C86 50 150 50 150 122", 7, pen.ink.dark)
    pen.cloth("M46 116 L194 116 L206 250 Q206 258 198 258 H42 Q34 258 34 250 Z")
    pen.seam("M47 128 H193", dash="4 2.6")
    pen.line("M78 132 C78 56 162 56 162 132", 7)
    pen.cloth("M72 118 h13 v32 q-6 6 -13 0 Z", "M156 118 h13 v32 q-6 6 -13 0 Z", plain=True)
    pen.seam("M40 226 L36 256 M200 226 L204 256", opacity=0.5)


def handbag(pen: Pen, traits: Traits) -> None:
    pen.line("M84 124 C84 64 156 64 156 124", 8)
    pen.cloth("M50 120 H190 Q198 122 200 134 L208 238 Q208 250 196 250 H44 Q32 250 32 238 L40 134 Q42 122 50 120 Z")
    pen.cloth("M42 120 H198 L196 156 Q192 178 168 180 H72 Q48 178 44 156 Z")
    pen.seam("M50 128 L53 154 Q58 170 74 171 H166 Q182 170 187 154 L190 128", dash="3.5 2.4", opacity=0.6)
    pen.trim("M110 172 h20 v20 q-10 6 -20 0 Z", pen.ink.metal)
    pen.disc(84, 122, 5.5, pen.ink.metal, pen.ink.line)
    pen.disc(156, 122, 5.5, pen.ink.metal, pen.ink.line)


def crossbody(pen: Pen, traits: Traits) -> None:
    pen.line("M64 156 C46 60 96 32 120 32 C144 32 194 60 176 156", 4, pen.ink.dark)
    pen.cloth("M58 150 H182 Q190 150 190 160 V232 Q190 246 176 246 H64 Q50 246 50 232 V160 Q50 150 58 150 Z")
    pen.cloth("M52 148 H188 V178 Q184 208 148 212 H92 Q56 208 52 178 Z")
    pen.disc(120, 206, 8, pen.ink.metal, mix(pen.ink.metal, "#000000", 0.4))
    pen.disc(120, 206, 3.4, mix(pen.ink.metal, "#000000", 0.35))
    pen.disc(62, 156, 5, pen.ink.metal, pen.ink.line)
    pen.disc(178, 156, 5, pen.ink.metal, pen.ink.line)


def clutch(pen: Pen, traits: Traits) -> None:
    pen.cloth("M30 126 H210 Q216 126 216 134 V222 Q216 232 206 232 H34 Q24 232 24 222 V134 Q24 126 30 126 Z")
    pen.cloth("M25 128 H215 L132 192 Q120 200 108 192 Z")
    pen.seam("M36 134 L112 190 Q120 195 128 190 L204 134", dash="3 2.4", opacity=0.5)
    pen.disc(120, 193, 7, pen.ink.metal, mix(pen.ink.metal, "#000000", 0.4))
    if traits.intersection(("chain", "strap")):
        pen.seam("M28 128 C30 70 210 70 212 128", width=3.4, dash="4 2.4", colour=pen.ink.metal, opacity=1)


def backpack(pen: Pen, traits: Traits) -> None:
    pen.line("M104 66 C104 42 136 42 136 66", 6, pen.ink.dark)
    pen.cloth("M58 120 C44 150 44 200 54 226 L66 226 L66 126 Z", "M182 120 C196 150 196 200 186 226 L174 226 L174 126 Z", fill=pen.ink.dark, plain=True)
    pen.cloth("M62 118 C62 74 92 60 120 60 C148 60 178 74 178 118 V240 Q178 258 160 258 H80 Q62 258 62 240 Z")
    pen.zip("M72 150 C72 96 84 80 120 80 C156 80 168 96 168 150")
    pen.cloth("M74 176 Q74 166 84 166 H156 Q166 166 166 176 V232 Q166 244 154 244 H86 Q74 244 74 232 Z")
    pen.zip("M80 184 H160")
    pen.trim("M106 116 h28 v18 h-28 Z", pen.ink.second)
    pen.line("M152 186 v12", 3, pen.ink.metal)


def duffel(pen: Pen, traits: Traits) -> None:
    pen.line("M84 150 C84 84 156 84 156 150", 7, pen.ink.dark)
    pen.cloth("M32 176 C32 142 50 132 72 132 H168 C190 132 208 142 208 176 V220 C208 240 196 246 180 246 H60 C44 246 32 240 32 220 Z")
    pen.zip("M50 146 H190")
    pen.cloth("M74 146 h13 v100 h-13 Z", "M153 146 h13 v100 h-13 Z", fill=pen.ink.dark, plain=True)
    pen.line("M80 158 C80 96 160 96 160 158", 7, pen.ink.dark)
    pen.seam("M54 138 C46 170 46 210 54 243 M186 138 C194 170 194 210 186 243", opacity=0.6)


def _case(pen: Pen, left: int, top: int, right: int, bottom: int, soft: bool) -> None:
    w = right - left
    pen.cloth(f"M{left + 14} {top} H{right - 14} Q{right} {top} {right} {top + 14} V{bottom - 14} Q{right} {bottom} {right - 14} {bottom} "
              f"H{left + 14} Q{left} {bottom} {left} {bottom - 14} V{top + 14} Q{left} {top} {left + 14} {top} Z")  # fmt: skip
    if soft:
        pen.zip(f"M{left + 8} {top + 14} V{bottom - 14}")
        pen.seam(f"M{left + 20} {top + 60} H{right - 20} V{bottom - 20} H{left + 20} Z", opacity=0.8)
        pen.zip(f"M{left + 24} {top + 70} H{right - 24}")
        return
    ribs = max(5, w // 18)
    for i in range(1, ribs):
        x = left + w * i / ribs
        pen.seam(f"M{x:.0f} {top + 12} V{bottom - 12}", width=2.6, opacity=0.42)
    pen.shine(f"M{left + 8} {top + 18} h7 v{bottom - top - 36} h-7 Z", 0.35)
    for x, y in ((left, top), (right - 22, top), (left, bottom - 22), (right - 22, bottom - 22)):
        pen.add(f'<rect x="{x}" y="{y}" width="22" height="22" rx="10" fill="{pen.ink.dark}" opacity=".55"/>')


def suitcase(pen: Pen, traits: Traits) -> None:
    pen.line("M98 62 V30 H142 V62", 5, "#a3a7ad")
    pen.disc(74, 270, 9, "#2b2b30", "#111113")
    pen.disc(166, 270, 9, "#2b2b30", "#111113")
    _case(pen, 52, 58, 188, 264, bool(traits.intersection(("soft", "nylon", "canvas", "polyester", "softside"))))
    pen.line("M104 66 Q120 52 136 66", 6, pen.ink.dark)
    pen.line("M190 146 q9 14 0 28", 5, pen.ink.dark)
    pen.trim("M108 84 h24 v12 h-24 Z", pen.ink.metal)


def carry_on(pen: Pen, traits: Traits) -> None:
    pen.line("M96 130 V36 H144 V130", 5, "#a3a7ad")
    pen.line("M92 34 H148", 9, "#3a3b40")
    for x in (80, 104, 136, 160):
        pen.disc(x, 268, 7, "#2b2b30", "#111113")
    _case(pen, 64, 128, 176, 262, bool(traits.intersection(("soft", "nylon", "canvas", "polyester", "softside"))))
    pen.line("M106 136 Q120 124 134 136", 5, pen.ink.dark)
    pen.trim("M110 150 h20 v9 h-20 Z", pen.ink.metal)


def briefcase(pen: Pen, traits: Traits) -> None:
    pen.line("M92 106 V90 Q92 80 102 80 H138 Q148 80 148 90 V106", 7)
    pen.cloth("M36 104 H204 Q212 104 212 114 V230 Q212 242 200 242 H40 Q28 242 28 230 V114 Q28 104 36 104 Z")
    pen.cloth("M28 108 H212 V158 Q212 176 194 176 H46 Q28 176 28 158 Z")
    for x in (68, 152):
        pen.cloth(f"M{x} 104 h20 v92 q-10 6 -20 0 Z", fill=pen.ink.dark, plain=True)
        pen.trim(f"M{x + 3} 166 h14 v12 h-14 Z", pen.ink.metal)


def belt_bag(pen: Pen, traits: Traits) -> None:
    pen.line("M30 140 C60 100 180 100 210 140", 8, pen.ink.dark)
    pen.cloth("M52 140 C80 128 160 128 188 140 C202 166 190 206 164 214 C140 220 100 220 76 214 C50 206 38 166 52 140 Z")
    pen.zip("M60 156 C90 148 150 148 180 156")
    pen.trim("M112 110 h18 v16 h-18 Z", "#2f3035")


def wallet(pen: Pen, traits: Traits) -> None:
    pen.cloth("M40 116 H200 Q208 116 208 124 V222 Q208 232 198 232 H42 Q32 232 32 222 V124 Q32 116 40 116 Z")
    pen.seam("M42 126 H198 V222 H42 Z", dash="4 2.6")
    pen.cloth("M168 154 H212 V194 H168 Q154 194 154 174 Q154 154 168 154 Z", plain=True)
    pen.disc(176, 174, 6, pen.ink.metal, mix(pen.ink.metal, "#000000", 0.4))


# ---- accessories


def belt(pen: Pen, traits: Traits) -> None:
    pen.add('<g transform="rotate(-16 120 160)">')
    pen.cloth("M20 146 H196 Q222 148 222 162 Q222 176 196 178 H20 Z")
    pen.seam("M24 151 H194 M24 173 H194", dash="4 2.6", opacity=0.7)
    for x in (144, 160, 176, 192):
        pen.disc(x, 162, 2.4, mix(pen.ink.base, "#000000", 0.6))
    pen.cloth("M58 142 h13 v40 h-13 Z", plain=True)
    pen.add(f'<rect x="6" y="132" width="44" height="60" rx="7" fill="none" stroke="{mix(pen.ink.metal, "#000000", 0.35)}" stroke-width="8"/>'
            f'<rect x="6" y="132" width="44" height="60" rx="7" fill="none" stroke="{pen.ink.metal}" stroke-width="5.4"/>')  # fmt: skip
    pen.line("M48 162 H10", 4, pen.ink.metal)
    pen.add("</g>")


def scarf(pen: Pen, traits: Traits) -> None:
    pen.cloth("M136 128 L158 122 L178 262 L146 268 Z")
    pen.cloth("M84 130 L112 134 L98 248 L64 242 Z")
    for x in range(148, 178, 6):
        pen.seam(f"M{x} {268 - (x - 148) * 0.2:.0f} l2 16", width=2, colour=pen.ink.line, opacity=1)
    for x in range(66, 98, 6):
        pen.seam(f"M{x} {243 + (x - 66) * 0.16:.0f} l-2 16", width=2, colour=pen.ink.line, opacity=1)
    pen.cloth("M62 92 C60 60 92 46 122 46 C154 46 182 60 178 94 C174 128 150 146 118 146 C86 146 64 124 62 92 Z")
    pen.trim("M84 88 C88 68 104 62 120 62 C138 62 154 68 156 86 C146 100 98 102 84 88 Z", mix(pen.ink.dark, "#0b0b10", 0.3))
    pen.seam("M64 98 C84 124 140 130 176 100", "M70 116 C96 136 142 138 168 120", opacity=0.55)


def hat(pen: Pen, traits: Traits) -> None:
    pen.cloth("M14 196 C40 178 72 174 120 174 C168 174 200 178 226 196 C210 216 168 226 120 226 C72 226 30 216 14 196 Z")
    pen.cloth("M66 190 C64 140 72 94 92 90 C104 88 110 100 120 100 C130 100 136 88 148 90 C168 94 176 140 174 190 C150 204 90 204 66 190 Z")
    pen.trim("M66 168 C92 182 148 182 174 168 L174 190 C150 204 90 204 66 190 Z", pen.ink.second if "band" in traits else mix(pen.ink.dark, "#0b0b10", 0.35))
    pen.seam("M120 100 C116 112 116 124 120 136", width=2)


def bucket_hat(pen: Pen, traits: Traits) -> None:
    pen.cloth("M78 92 Q120 78 162 92 L176 168 Q120 184 64 168 Z")
    pen.cloth("M64 166 Q120 182 176 166 L206 214 C180 236 60 236 34 214 Z")
    pen.seam("M58 180 Q120 198 182 180 M48 196 Q120 218 192 196 M78 94 Q120 106 162 94", dash="4 2.6", opacity=0.7)


def cap(pen: Pen, traits: Traits) -> None:
    pen.cloth("M50 188 C46 122 84 92 124 92 C166 92 188 128 186 184 C150 172 90 174 50 188 Z")
    pen.seam("M122 94 C104 116 98 150 100 178 M126 94 C150 112 160 150 158 176", opacity=0.8)
    pen.disc(124, 92, 5, pen.ink.dark, pen.ink.line)
    pen.cloth("M112 180 C150 170 186 176 222 204 C226 212 214 214 200 210 C170 200 140 198 106 204 C98 198 102 186 112 180 Z", fill=pen.ink.dark)
    pen.seam("M118 188 C150 180 184 186 212 204", dash="3 2.2", opacity=0.7)
    pen.disc(130, 138, 12, pen.ink.second)


def beanie(pen: Pen, traits: Traits) -> None:
    if traits.intersection(("pompom", "bobble", "pom-pom", "pom")):
        pen.disc(120, 70, 19, pen.ink.second, pen.ink.line)
    pen.cloth("M56 190 C50 120 84 80 120 80 C156 80 190 120 184 190 Z")
    pen.seam("M120 82 V180 M104 84 Q92 130 94 182 M136 84 Q148 130 146 182 M90 96 Q72 138 72 184 M150 96 Q168 138 168 184", opacity=0.45)
    pen.cloth("M48 178 Q120 192 192 178 L194 222 Q120 238 46 222 Z")
    pen.seam(*(f"M{x} {184 + 5 - abs(x - 120) * 0.08:.0f} L{x} {228 - abs(x - 120) * 0.1:.0f}" for x in range(54, 192, 8)), opacity=0.5)


def headband(pen: Pen, traits: Traits) -> None:
    pen.line("M62 214 C36 120 74 66 120 66 C166 66 204 120 178 214", 15)
    pen.seam("M66 206 C48 126 80 74 120 74 C160 74 192 126 174 206", opacity=0.4)
    pen.cloth("M120 68 C100 44 82 58 92 74 C98 82 110 78 120 72 Z", "M120 68 C140 44 158 58 148 74 C142 82 130 78 120 72 Z")


def sunglasses(pen: Pen, traits: Traits) -> None:
    lens = mix(pen.ink.base, "#22262c", 0.82)
    pen.line("M40 136 C30 120 34 110 44 108", 5)
    pen.line("M200 136 C210 120 206 110 196 108", 5)
    if traits.intersection(("round",)):
        for x in (78, 162):
            pen.disc(x, 156, 37, lens, pen.ink.base, 7)
    elif traits.intersection(("cat-eye", "cat")):
        for d in ("M112 146 C110 186 58 196 46 160 L32 122 Q74 116 106 130 Z", "M128 146 C130 186 182 196 194 160 L208 122 Q166 116 134 130 Z"):
            pen.add(f'<path d="{d}" fill="{lens}" stroke="{pen.ink.base}" stroke-width="8" stroke-linejoin="round"/>')
    else:
        for d in ("M40 132 H106 Q114 132 113 142 C112 178 98 190 76 190 C52 190 40 176 38 142 Q37 132 40 132 Z",
                  "M200 132 H134 Q126 132 127 142 C128 178 142 190 164 190 C188 190 200 176 202 142 Q203 132 200 132 Z"):  # fmt: skip
            pen.add(f'<path d="{d}" fill="{lens}" stroke="{pen.ink.base}" stroke-width="8" stroke-linejoin="round"/>')
    pen.line("M112 146 Q120 138 128 146", 6)
    pen.add('<path d="M56 142 L74 142 L54 172 Q48 160 50 146 Z M146 142 L164 142 L144 172 Q138 160 140 146 Z" fill="#fff" opacity=".22"/>')


def watch(pen: Pen, traits: Traits) -> None:
    metal = _metal(pen, traits)
    link = bool(traits.intersection(("steel", "metal", "bracelet", "mesh", "stainless"))) or pen.ink.base == metal
    pen.cloth("M96 30 H144 L150 112 H90 Z", "M96 270 H144 L150 190 H90 Z", fill=metal if link else None)
    if link:
        pen.seam(*(f"M94 {y} H146" for y in (*range(42, 108, 11), *range(202, 268, 11))), opacity=0.8)
    else:
        pen.seam("M101 36 L96 108 M139 36 L144 108 M101 264 L96 194 M139 264 L144 194", dash="3 2.4", opacity=0.7)
    pen.disc(120, 150, 53, metal, mix(metal, "#000000", 0.4), 1.6)
    pen.disc(120, 150, 43, "#fbfaf6" if "black" not in traits or link else "#232428", mix(metal, "#000000", 0.3))
    pen.add(f'<rect x="172" y="143" width="9" height="14" rx="2" fill="{metal}"/>')
    face = "#2c2c31" if "black" not in traits or link else "#e9e6df"
    for i in range(12):
        a = math.radians(30 * i)
        x, y = math.sin(a), -math.cos(a)
        pen.seam(f"M{120 + 34 * x:.1f} {150 + 34 * y:.1f} L{120 + 39 * x:.1f} {150 + 39 * y:.1f}", width=2.2 if i % 3 == 0 else 1.2, colour=face, opacity=0.9)
    pen.seam("M120 150 L120 122", "M120 150 L142 162", width=2.8, colour=face, opacity=1)
    pen.disc(120, 150, 3, metal)


def gloves(pen: Pen, traits: Traits) -> None:
    for dx, turn in ((34, 8), (-34, -8)):
        pen.add(f'<g transform="translate({dx} 4) rotate({turn} 120 160)">')
        pen.cloth("M88 236 L86 166 C78 150 68 138 66 126 C66 116 76 116 82 126 L92 144 L90 86 C90 74 102 74 103 86 L105 128 L107 74 C107 62 120 62 120 74 "
                  "L121 128 L125 80 C126 70 138 70 137 82 L134 134 L140 100 C143 92 152 95 150 106 L142 170 L142 236 Z")  # fmt: skip
        pen.cloth("M84 222 H146 V248 H84 Z", fill=pen.ink.dark, plain=True)
        pen.seam("M104 132 L104 160 M120 132 L119 164 M134 138 L130 162", opacity=0.55)
        pen.add("</g>")


def tie(pen: Pen, traits: Traits) -> None:
    if traits.intersection(("bow", "bowtie", "bow-tie")):
        pen.cloth("M112 140 L48 108 Q38 150 48 192 L112 162 Z", "M128 140 L192 108 Q202 150 192 192 L128 162 Z")
        pen.cloth("M108 136 H132 V166 H108 Z")
        return
    pen.cloth("M106 70 L134 70 L150 236 L120 272 L90 236 Z")
    pen.cloth("M98 36 H142 L134 72 H106 Z")
    pen.seam("M108 72 Q120 80 132 72", opacity=0.6)


def umbrella(pen: Pen, traits: Traits) -> None:
    pen.line("M120 120 V242 Q120 262 136 262 Q150 262 150 246", 5, "#7b5a3c")
    pen.cloth("M24 150 C30 84 76 50 120 50 C164 50 210 84 216 150 Q200 138 184 150 Q168 138 152 150 Q136 138 120 150 Q104 138 88 150 Q72 138 56 150 Q40 138 24 150 Z")
    pen.seam("M120 52 C96 80 88 114 88 148 M120 52 C144 80 152 114 152 148 M120 52 C76 72 58 110 56 148 M120 52 C164 72 182 110 184 148")


# ---- jewelry


def _metal(pen: Pen, traits: Traits) -> str:
    if "rose" in traits and traits & {"gold", "gold-tone", "gold-plated"}:
        return ROSE
    if traits.intersection(("silver", "steel", "platinum", "silver-tone", "stainless", "sterling", "titanium")) and not (
        traits & {"gold", "gold-tone", "gold-plated"}
    ):
        return SILVER
    if traits.intersection(("gold", "golden", "gold-plated", "brass", "gold-tone")):
        return GOLD
    return pen.ink.base if traits & METALS else GOLD


def _stone(pen: Pen, metal: str) -> str:
    """The stone's colour: what the product's colour says unless that is the metal itself."""
    near = mix(pen.ink.base, metal, 0.5)
    return pen.ink.second if abs(int(near[1:3], 16) - int(metal[1:3], 16)) < 12 else pen.ink.base


def _gem(pen: Pen, x: float, y: float, r: float, stone: str, metal: str) -> None:
    pen.disc(x, y, r + 2.4, metal, mix(metal, "#000000", 0.35))
    pen.disc(x, y, r, stone)
    pen.seam(f"M{x - r * 0.7:.1f} {y:.1f} L{x} {y - r * 0.7:.1f} L{x + r * 0.7:.1f} {y:.1f} L{x} {y + r * 0.7:.1f} Z", width=1, colour="#ffffff", opacity=0.5)
    pen.add(f'<ellipse cx="{x - r * 0.3:.1f}" cy="{y - r * 0.4:.1f}" rx="{r * 0.3:.1f}" ry="{r * 0.16:.1f}" fill="#fff" opacity=".7"/>')


def necklace(pen: Pen, traits: Traits) -> None:
    metal = _metal(pen, traits)
    stone = _stone(pen, metal)
    if traits.intersection(("pearl", "pearls", "bead", "beaded", "beads")):
        for i in range(29):
            a = math.pi * (i / 28)
            pen.disc(round(120 + 78 * math.cos(a), 1), round(70 + 138 * math.sin(a) ** 1.15, 1), 7.4, mix("#f3ece0", pen.ink.base, 0.35), "#b9ab95")
        return
    chain = "M46 48 C44 130 82 196 120 204 C158 196 196 130 194 48"
    pen.add(f'<path d="{chain}" fill="none" stroke="{mix(metal, "#000000", 0.32)}" stroke-width="4.2"/>'
            f'<path d="{chain}" fill="none" stroke="{metal}" stroke-width="3" stroke-dasharray="4.6 1.6"/>')  # fmt: skip
    pen.disc(120, 207, 4.5, "none", metal, 2.4)
    if traits.intersection(("heart",)):
        pen.trim("M120 252 C86 228 96 208 110 212 Q117 214 120 221 Q123 214 130 212 C144 208 154 228 120 252 Z", stone)
    elif traits.intersection(("coin", "disc", "medallion")):
        pen.disc(120, 229, 18, metal, mix(metal, "#000000", 0.35), 2)
    else:
        pen.trim("M120 210 L137 232 L120 256 L103 232 Z", metal)
        pen.add(f'<path d="M120 217 L131 232 L120 248 L109 232 Z" fill="{stone}"/><path d="M120 217 L131 232 H109 Z" fill="#fff" opacity=".35"/>')


def earrings(pen: Pen, traits: Traits) -> None:
    metal = _metal(pen, traits)
    stone = _stone(pen, metal)
    for x in (74, 166):
        if traits.intersection(("hoop", "hoops", "creole", "creoles")):
            pen.disc(x, 160, 37, "none", mix(metal, "#000000", 0.35), 9)
            pen.disc(x, 160, 37, "none", metal, 6.4)
            pen.add(f'<path d="M{x - 31} 140 A37 37 0 0 1 {x} 123" stroke="#fff" stroke-width="2.4" fill="none" opacity=".7"/>')
        elif traits.intersection(("stud", "studs")):
            _gem(pen, x, 160, 25, stone, metal)
        else:
            pen.add(f'<path d="M{x} 116 C{x - 16} 112 {x - 12} 84 {x + 4} 88" fill="none" stroke="{metal}" stroke-width="3"/>')
            _gem(pen, x, 120, 8, stone, metal)
            pen.seam(f"M{x} 130 V150", width=2.4, colour=metal, opacity=1)
            pen.trim(f"M{x} 148 C{x + 26} 190 {x + 22} 216 {x} 218 C{x - 22} 216 {x - 26} 190 {x} 148 Z", metal)
            pen.add(f'<path d="M{x} 162 C{x + 18} 192 {x + 15} 209 {x} 210 C{x - 15} 209 {x - 18} 192 {x} 162 Z" fill="{stone}"/>'
                    f'<path d="M{x - 8} 188 Q{x - 6} 176 {x} 168 Q{x - 2} 182 {x - 4} 196 Z" fill="#fff" opacity=".5"/>')  # fmt: skip


def ring(pen: Pen, traits: Traits) -> None:
    metal = _metal(pen, traits)
    pen.add(f'<ellipse cx="120" cy="188" rx="58" ry="60" fill="none" stroke="{mix(metal, "#000000", 0.38)}" stroke-width="14"/>'
            f'<ellipse cx="120" cy="188" rx="58" ry="60" fill="none" stroke="{metal}" stroke-width="11"/>'
            '<path d="M68 176 A56 58 0 0 1 96 138" stroke="#fff" stroke-width="3" fill="none" opacity=".75"/>')  # fmt: skip
    if not traits.intersection(("band", "signet", "plain")):
        stone = _stone(pen, metal)
        pen.trim("M92 100 L106 82 H134 L148 100 L120 134 Z", stone)
        pen.add('<path d="M92 100 H148 L134 82 H106 Z" fill="#fff" opacity=".42"/><path d="M106 100 L120 134 L134 100 L120 82 Z" fill="#fff" opacity=".25"/>')
        pen.line("M94 104 L104 132 M146 104 L136 132", 3, metal)
    elif "signet" in traits:
        pen.trim("M96 112 H144 L140 146 H100 Z", metal)


def bracelet(pen: Pen, traits: Traits) -> None:
    metal = _metal(pen, traits)
    if traits.intersection(("bangle", "cuff", "bangles")):
        pen.add(f'<ellipse cx="120" cy="162" rx="84" ry="54" fill="none" stroke="{mix(metal, "#000000", 0.38)}" stroke-width="19"/>'
                f'<ellipse cx="120" cy="162" rx="84" ry="54" fill="none" stroke="{metal}" stroke-width="16"/>'
                '<path d="M44 148 A78 50 0 0 1 98 112" stroke="#fff" stroke-width="4" fill="none" opacity=".7"/>')  # fmt: skip
        return
    beads = bool(traits.intersection(("bead", "beaded", "beads", "pearl", "pearls")))
    for i in range(26):
        a = 2 * math.pi * i / 26
        x, y = round(120 + 82 * math.cos(a), 1), round(160 + 52 * math.sin(a), 1)
        if beads:
            pen.disc(x, y, 9, pen.ink.base, pen.ink.line)
        else:
            pen.add(f'<ellipse cx="{x}" cy="{y}" rx="11" ry="6" fill="none" stroke="{mix(metal, "#000000", 0.2)}" stroke-width="3.6" '
                    f'transform="rotate({math.degrees(a) + 90:.0f} {x} {y})"/>')  # fmt: skip
    pen.seam("M120 212 V228", width=3, colour=metal, opacity=1)
    _gem(pen, 120, 238, 9, _stone(pen, metal), metal)


def brooch(pen: Pen, traits: Traits) -> None:
    metal = _metal(pen, traits)
    for x in (84, 156):
        pen.disc(x, 156, 27, metal, mix(metal, "#000000", 0.4), 2)
        pen.disc(x, 156, 18, _stone(pen, metal), mix(metal, "#000000", 0.3))
        pen.add(f'<path d="M{x - 10} 152 L{x} 142 L{x + 3} 154 Z" fill="#fff" opacity=".5"/>')


# ---- what a fashion shop also sells


def bottle(pen: Pen, traits: Traits) -> None:
    pen.trim("M104 74 h32 v34 h-32 Z", pen.ink.metal)
    pen.cloth("M72 118 Q72 108 84 108 H156 Q168 108 168 118 V240 Q168 252 156 252 H84 Q72 252 72 240 Z")
    pen.trim("M88 154 H152 V214 H88 Z", mix(pen.ink.base, "#ffffff", 0.75), line=False)
    pen.seam("M98 174 H142 M104 186 H136", colour="#6b6670")
    pen.shine("M78 120 h7 v120 h-7 Z", 0.45)


def box(pen: Pen, traits: Traits) -> None:
    """A gift box: for what no word here describes."""
    pen.cloth("M52 132 H188 V246 Q188 250 184 250 H56 Q52 250 52 246 Z")
    pen.cloth("M44 106 H196 V136 H44 Z")
    pen.trim("M110 106 h20 v144 h-20 Z", pen.ink.second)
    pen.cloth("M120 106 C100 66 70 76 84 98 Q92 106 120 106 Z", "M120 106 C140 66 170 76 156 98 Q148 106 120 106 Z", fill=pen.ink.second, plain=True)


def jewelry_set(pen: Pen, traits: Traits) -> None:
    necklace(pen, traits)
    metal = _metal(pen, traits)
    for x in (98, 142):
        _gem(pen, x, 92, 9, _stone(pen, metal), metal)


def hair_clip(pen: Pen, traits: Traits) -> None:
    pen.cloth(both("M0 120 C50 112 86 128 92 150 C86 172 50 184 0 178"))
    pen.seam("M36 150 H204", width=2)
    pen.seam(*(f"M{x} 152 V{174 - abs(x - 120) * 0.16:.0f}" for x in range(48, 200, 12)), width=2, opacity=0.7)
