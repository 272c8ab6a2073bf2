# ruff: noqa: E501 -- SVG paths are read as one line each
"""Silhouettes of clothes. Each function draws one kind onto a pen; ``traits`` are words of the product."""

from __future__ import annotations

from shopping_assistant.ui.drawing.pen import Pen, both, mirrored
from shopping_assistant.ui.drawing.swatches import mix

Traits = frozenset[str]
_NECK = {
    "crew": "M0 70 Q16 70 22 56", "v": "M0 104 L22 55", "deep v": "M0 122 L22 55", "boat": "M0 64 Q26 66 38 60",
    "square": "M0 92 L25 92 L29 58", "scoop": "M0 92 Q24 90 27 58", "high": "M0 46 L17 46 L19 56",
}  # fmt: skip
_SLEEVE = {
    "long": "M172 70 C186 78 194 108 200 148 L212 218 L191 223 L178 162 C174 142 171 128 168 116 Z",
    "three": "M172 70 C186 78 194 100 200 136 L207 176 L186 182 L178 152 C174 138 171 126 168 116 Z",
    "short": "M172 70 C184 76 194 92 203 124 L180 134 C176 124 172 119 168 114 Z",
    "cap": "M172 70 C184 76 190 86 194 100 L172 106 Z",
    "puff": "M168 70 C192 62 214 88 206 120 L182 130 C176 124 171 118 168 112 Z",
}


def _sleeve_word(traits: Traits, default: str) -> str:
    for word, kind in (("sleeveless", "none"), ("strapless", "none"), ("strappy", "strap"), ("spaghetti", "strap"),
                       ("puff", "puff"), ("cap", "cap"), ("3/4", "three"), ("three-quarter", "three"),
                       ("short-sleeved", "short"), ("long-sleeved", "long")):  # fmt: skip
        if word in traits:
            return kind
    if "sleeve" in traits or "sleeves" in traits or "sleeved" in traits:
        return "long" if "long" in traits else "short" if "short" in traits else default
    return default


def _neck_word(traits: Traits, default: str) -> str:
    for words, kind in ((("v-neck", "v-necked", "wrap"), "v"), (("turtleneck", "roll", "polo-neck", "mock"), "high"),
                        (("boat", "bateau", "off-shoulder"), "boat"), (("square",), "square"), (("scoop",), "scoop"),
                        (("crew", "round"), "crew")):  # fmt: skip
        if traits.intersection(words):
            return kind
    return default


def _neckline(pen: Pen, neck: str, back: bool = True) -> None:
    """The inside of the neck, seen behind, and the ribbing around it."""
    if back:
        pen.trim(both("M0 50 Q14 50 22 55 L29 66 L26 94 L0 120"), mix(pen.ink.dark, "#0b0b10", 0.12))


def _torso(neck: str, hem: int, waist: int = 46, width: int = 50, armhole: int = 48) -> str:
    return both(
        f"{_NECK[neck]} L52 68 C53 84 51 100 {armhole} 114 C{armhole - 2} 132 {waist} 148 {waist} 166 "
        f"C{waist} 190 {width} {hem - 30} {width} {hem - 4} Q{width // 2} {hem + 3} 0 {hem + 3}"
    )


def _sleeves(pen: Pen, kind: str, cuff: bool = False) -> None:
    if kind in _SLEEVE:
        pen.pair(_SLEEVE[kind])
        if cuff and kind == "long":
            pen.pair("M210 205 L214 222 L190 228 L187 211 Z")
        elif kind == "long":
            pen.seams("M189 215 L210 210")
        elif kind in ("short", "puff"):
            pen.seams("M178 129 L201 119" if kind == "short" else "M181 124 L205 114")


def t_shirt(pen: Pen, traits: Traits) -> None:
    neck = _neck_word(traits, "crew")
    sleeve = _sleeve_word(traits, "short")
    _sleeves(pen, sleeve)
    _neckline(pen, neck)
    pen.cloth(_torso(neck, 226, 49, 51, 49))
    half = {"crew": "M142 56 Q136 70 120 70", "v": "M142 55 L120 104", "high": "M137 46 L120 46"}.get(neck)
    if half:
        pen.seams(half, width=3.4, opacity=0.35)
        pen.seams(half)
    pen.seams("M171 70 C170 86 169 100 168 114", opacity=0.5)
    pen.seam("M70 220 Q120 227 170 220", dash="3 2.4", opacity=0.5)
    pen.seams("M166 122 Q158 140 156 156", opacity=0.22, width=2)


def long_sleeved_top(pen: Pen, traits: Traits) -> None:
    t_shirt(pen, traits | {"long-sleeved"})


def vest_top(pen: Pen, traits: Traits) -> None:
    wide = not traits.intersection(("strappy", "spaghetti", "camisole", "cami", "satin"))
    inner, outer = (17, 32) if wide else (25, 29)
    pen.trim(both(f"M0 64 L{inner} 56 L{outer} 56 L40 96 L0 100"), pen.ink.dark)
    pen.cloth(both(f"M0 96 Q{inner - 3} 94 {inner} 54 L{outer} 54 C{outer + 3} 84 38 104 46 116 C45 140 43 154 44 168 "
                   "C45 190 48 200 49 222 Q24 229 0 229"))  # fmt: skip
    pen.seams(f"M120 96 Q{117 + inner} 94 {120 + inner} 56", f"M{120 + outer} 56 C{123 + outer} 84 158 104 165 115",
              width=2.6, opacity=0.35)  # fmt: skip
    pen.seam("M73 216 Q120 224 167 216", dash="3 2.4", opacity=0.5)


def polo(pen: Pen, traits: Traits) -> None:
    t_shirt(pen, traits)
    _collar(pen)
    pen.seam("M116 76 V112 H125 V76", opacity=0.7)
    pen.buttons(120.5, 84, 97, 108, r=1.7)


def _collar(pen: Pen, spread: int = 26) -> None:
    pen.trim(both("M0 52 Q12 52 18 56 L0 72"), mix(pen.ink.dark, "#0b0b10", 0.15))
    pen.pair(f"M120 74 L140 52 L150 58 L{120 + spread} 88 Z")


def shirt(pen: Pen, traits: Traits) -> None:
    sleeve = _sleeve_word(traits, "long")
    _sleeves(pen, sleeve, cuff=True)
    pen.cloth(both("M0 72 Q12 66 22 56 L52 68 C53 84 51 100 49 114 C48 140 49 150 49 176 C49 200 51 214 51 222 "
                   "C40 236 18 240 0 240"))  # fmt: skip
    pen.seam("M115 76 V239 M125 76 V239", opacity=0.6)
    pen.buttons(120, 92, 118, 144, 170, 196, 222, r=2)
    pen.seam("M136 112 H158 V132 L147 138 L136 132 Z", opacity=0.6)
    pen.seams("M172 70 C170 86 169 100 168 114", opacity=0.5)
    _collar(pen)


def blouse(pen: Pen, traits: Traits) -> None:
    if traits.intersection(("shirt", "button-down")):
        return shirt(pen, traits)
    if _sleeve_word(traits, "long") == "long":
        pen.pair("M170 70 C190 78 204 120 210 170 C214 190 214 200 208 210 L190 214 C182 196 176 150 168 116 Z")
        pen.pair("M190 212 L208 208 L210 224 L193 228 Z")
        pen.seams("M196 190 L198 211", "M203 186 L204 209", opacity=0.5)
    else:
        _sleeves(pen, _sleeve_word(traits, "puff"))
    _neckline(pen, "v")
    pen.cloth(both("M0 100 L20 55 L50 66 C52 84 50 100 47 114 C45 140 42 152 43 166 C46 186 56 204 57 226 Q28 234 0 234"))
    pen.seams("M120 102 L139 58", width=3.2, opacity=0.35)
    pen.seams("M150 116 Q146 150 152 226", "M134 120 Q132 170 136 231", opacity=0.32)
    # a pussy bow
    pen.cloth("M120 96 L98 88 Q94 98 98 108 Z", "M120 96 L142 88 Q146 98 142 108 Z",
              "M117 99 L108 146 L118 142 Z", "M123 99 L134 140 L122 144 Z")  # fmt: skip
    pen.disc(120, 97, 4.5, pen.ink.dark, pen.ink.line)
    return None


def sweater(pen: Pen, traits: Traits) -> None:
    neck = _neck_word(traits, "crew")
    pen.pair("M170 68 C190 76 200 110 206 150 L216 216 L190 222 L179 164 C175 144 171 130 166 118 Z")
    pen.pair("M214 208 L218 228 L192 233 L188 215 Z")
    _neckline(pen, neck)
    pen.cloth(_torso(neck, 216, 51, 52, 50))
    pen.cloth(both("M0 212 Q26 212 52 208 L50 229 Q25 234 0 234"))
    pen.seam(*(f"M{x} {214 - abs(x - 120) * 0.06:.0f} V{232 - abs(x - 120) * 0.06:.0f}" for x in range(76, 168, 7)),
             opacity=0.38)  # fmt: skip
    if neck == "high":
        pen.cloth(both("M0 36 L20 36 Q23 50 24 62 Q12 70 0 70"))
        pen.seam(*(f"M{x} 39 V66" for x in range(104, 140, 6)), opacity=0.38)
    else:
        half = {"v": "M143 55 L120 105"}.get(neck, "M144 56 Q137 72 120 72")
        pen.seams(half, width=7, opacity=0.3)
        pen.seams(half)
    pen.seams("M171 72 C170 90 168 104 166 118", opacity=0.5)


def cardigan(pen: Pen, traits: Traits) -> None:
    pen.pair("M170 68 C190 76 200 110 206 150 L216 216 L190 222 L179 164 C175 144 171 130 166 118 Z")
    pen.pair("M214 208 L218 228 L192 233 L188 215 Z")
    pen.trim(both("M0 52 Q14 52 22 56 L24 72 L0 118"), mix(pen.ink.dark, "#0b0b10", 0.2))
    pen.cloth(both("M0 128 L24 55 L52 68 C53 84 51 100 49 114 C48 140 50 150 50 170 L52 238 L0 241"))
    pen.seams("M146 56 L124 128 V240", width=6, opacity=0.28)
    pen.seam("M116 130 V240 M124 130 V240", opacity=0.6)
    pen.seams("M126 224 L172 221", opacity=0.55)
    pen.buttons(120, 138, 160, 182, 204, 228, r=3)
    pen.seams("M138 196 H160 V212 H138 Z", opacity=0.5)


def hoodie(pen: Pen, traits: Traits) -> None:
    pen.cloth(both("M0 24 C24 24 36 42 32 66 L0 76"))
    pen.trim(both("M0 38 C14 38 21 50 19 64 Q8 76 0 80"), mix(pen.ink.dark, "#0b0b10", 0.25))
    pen.pair("M170 68 C190 76 200 110 206 150 L214 216 L189 222 L179 164 C175 144 171 130 166 118 Z")
    pen.pair("M213 210 L216 228 L191 233 L188 216 Z")
    pen.cloth(both("M0 82 Q18 78 30 58 L52 68 C53 84 52 100 50 114 C49 140 51 160 52 214 L0 218"))
    pen.cloth(both("M0 214 L52 211 L50 232 L0 235"))
    pen.seams("M120 80 Q138 78 151 58")
    pen.seam("M88 206 L94 172 H146 L152 206")
    if "zip" in traits or "zipped" in traits or "full-zip" in traits:
        pen.zip("M120 82 V234")
    pen.line("M110 80 L106 118", 1.6, mix(pen.ink.base, "#ffffff", 0.6))
    pen.line("M130 80 L133 114", 1.6, mix(pen.ink.base, "#ffffff", 0.6))


def sweatshirt(pen: Pen, traits: Traits) -> None:
    sweater(pen, traits)
    pen.seam("M113 73 L120 84 L127 73", opacity=0.6)


def blazer(pen: Pen, traits: Traits) -> None:
    double = bool(traits.intersection(("double-breasted", "double")))
    pen.pair("M170 64 C186 70 194 104 198 148 L206 224 L184 228 L176 166 C173 144 170 130 166 116 Z")
    pen.seams("M186 216 L204 212", opacity=0.5)
    pen.buttons(190, 208, 215, 222, r=1.3)
    pen.trim(both("M0 54 Q14 54 22 50 L30 70 L0 150"), mix(pen.ink.second, "#f4f1ec", 0.55))
    pen.cloth("M142 50 L172 62 C174 90 170 106 167 116 C162 148 162 164 166 190 L170 240 Q150 246 120 240 L118 150 Z")
    pen.cloth("M98 50 L68 62 C66 90 70 106 73 116 C78 148 78 164 74 190 L70 240 Q92 250 124 238 L124 150 Z")
    pen.cloth("M98 49 L80 82 L92 88 L84 96 L124 152 Q112 96 98 49 Z", "M142 49 L160 82 L148 88 L156 96 L118 152 Q130 96 142 49 Z")
    pen.seams("M140 196 L162 192 L163 203 L141 207 Z", opacity=0.7)
    pen.seam("M143 118 L160 113 L161 120 L144 124 Z", opacity=0.7)
    if double:
        pen.buttons(108, 162, 186, r=3)
        pen.buttons(138, 162, 186, r=3)
    else:
        pen.buttons(121, 164, 188, r=3)


def waistcoat(pen: Pen, traits: Traits) -> None:
    pen.trim(both("M0 58 Q14 56 20 52 L30 70 L0 140"), mix(pen.ink.second, "#f4f1ec", 0.5))
    pen.cloth(both("M0 142 L22 52 L40 58 C40 84 40 100 52 122 C48 150 46 164 48 190 L46 212 L20 236 L0 216"))
    pen.seams("M140 58 L120 142", width=5, opacity=0.25)
    pen.seam("M120 144 V216", opacity=0.8)
    pen.seams("M136 184 L160 180", width=3)
    pen.buttons(124, 152, 168, 184, 200, r=2.3)


def coat(pen: Pen, traits: Traits) -> None:
    trench = bool(traits.intersection(("trench", "belted", "mac", "raincoat")))
    pen.pair("M168 58 C186 66 194 100 199 146 L208 216 L185 221 L176 160 C173 140 169 126 165 112 Z")
    pen.seams("M184 204 L206 199", width=1.6)
    pen.trim(both("M0 48 Q14 48 20 46 L28 60 L0 112"), mix(pen.ink.second, "#f4f1ec", 0.4))
    pen.cloth("M142 44 L170 57 C172 84 168 100 165 112 C160 146 160 156 164 180 L176 274 L116 276 L118 112 Z")
    pen.cloth("M98 44 L70 57 C68 84 72 100 75 112 C80 146 80 156 76 180 L64 274 L126 277 L126 112 Z")
    pen.cloth("M98 43 L76 78 L92 82 L86 92 L124 120 Q112 80 98 43 Z", "M142 43 L164 78 L148 82 L154 92 L118 120 Q128 80 142 43 Z")
    if trench:
        pen.cloth("M75 152 L165 152 L165 167 L75 167 Z")
        pen.add(f'<rect x="110" y="149" width="21" height="21" rx="3" fill="none" stroke="{mix(pen.ink.dark, "#000000", 0.3)}" '
                'stroke-width="3.6"/>')  # fmt: skip
        pen.seams("M168 92 Q156 100 140 96", opacity=0.7)
    pen.buttons(108, 134, 186, 212, r=3.2)
    pen.buttons(136, 134, 186, 212, r=3.2)
    pen.seams("M140 194 L161 190 L163 201 L142 205 Z", opacity=0.7)
    pen.seam("M126 170 V276", opacity=0.6)


def puffer(pen: Pen, traits: Traits) -> None:
    if not traits.intersection(("vest", "gilet", "sleeveless")):
        pen.pair("M166 66 C196 70 212 118 216 216 C210 226 196 226 190 220 C184 170 176 140 166 122 Z")
        pen.seams("M170 94 Q183 99 194 92", "M171 121 Q189 125 204 118", "M178 149 Q195 152 209 144",
                  "M184 176 Q199 178 212 170", "M188 201 Q202 203 214 195", width=1.8)  # fmt: skip
    pen.cloth(both("M0 60 Q20 58 28 46 L50 62 C60 90 52 100 54 118 C62 140 54 150 56 170 C62 190 56 206 54 228 Q26 236 0 236"))
    pen.cloth(both("M0 34 Q24 32 30 40 C34 56 30 64 26 70 Q12 78 0 78"))
    for y in (96, 124, 152, 180, 208):
        pen.seam(f"M65 {y} Q92 {y + 8} 120 {y} Q148 {y + 8} 175 {y}", width=1.8)
        pen.shine(f"M74 {y + 7} Q94 {y + 13} 112 {y + 7} Q94 {y + 9} 74 {y + 7} Z", 0.35)
    pen.zip("M120 40 V236")


def gilet(pen: Pen, traits: Traits) -> None:
    puffer(pen, traits | {"gilet"})


def jacket(pen: Pen, traits: Traits) -> None:
    biker = bool(traits.intersection(("biker", "leather", "moto")))
    denim = bool(traits.intersection(("denim", "jean", "trucker")))
    pen.pair("M168 64 C188 70 198 106 203 148 L211 210 L187 216 L178 160 C174 142 170 128 166 116 Z")
    pen.pair("M210 200 L213 216 L188 222 L185 206 Z")
    pen.trim(both("M0 52 Q14 52 20 50 L26 64 L0 90"), mix(pen.ink.dark, "#0b0b10", 0.3))
    pen.cloth(both("M0 84 L22 50 L52 64 C54 84 51 100 49 114 C48 140 50 150 51 196 L0 200"))
    pen.cloth(both("M0 196 L51 193 L50 211 L0 214"))
    if biker:
        pen.cloth("M98 50 L80 78 L96 106 L124 118 Q116 84 98 50 Z", "M142 50 L164 84 L146 110 L118 118 Q128 84 142 50 Z")
        pen.zip("M122 116 L106 212")
        pen.zip("M142 176 L162 160")
        pen.zip("M84 160 L96 178")
        return
    _collar(pen, 30)
    if denim:
        stitch = "#d39b4e"
        pen.seams("M124 96 H168", "M136 124 L132 194", "M152 124 L150 194", colour=stitch, dash="3 2", opacity=0.9)
        pen.seams("M132 104 H160 V114 L146 123 L132 114 Z", colour=stitch, opacity=0.9)
        pen.seam("M115 86 V213 M125 86 V213", opacity=0.6)
        pen.buttons(120, 96, 120, 144, 168, 190, 205, r=2.6, fill="#c98f4a")
    else:
        pen.zip("M120 84 V213")
        pen.seams("M140 160 L158 186", width=3, opacity=0.7)
        pen.seam(*(f"M{x} 198 V211" for x in range(76, 168, 6)), opacity=0.4)


def cape(pen: Pen, traits: Traits) -> None:
    pen.trim(both("M0 50 Q14 50 20 54 L0 74"), pen.ink.dark)
    pen.cloth(both("M0 84 L22 52 C60 62 78 130 92 214 Q50 236 0 236"))
    pen.seams("M140 90 Q150 160 154 232", "M164 90 Q182 150 190 222", opacity=0.4)
    pen.seam("M120 84 V236", opacity=0.7)


# ---- full body


def _skirt_folds(pen: Pen, hem: int, width: int) -> None:
    for share, opacity in ((0.28, 0.42), (0.62, 0.5)):
        pen.seams(f"M{120 + 12 + 20 * share:.0f} 156 Q{120 + 20 + width * share * 0.6:.0f} 200 "
                  f"{120 + width * share:.0f} {hem - 3}", opacity=opacity)  # fmt: skip
    pen.shine(f"M96 164 Q78 210 {120 - width * 0.55:.0f} {hem - 14} L{120 - width * 0.42:.0f} {hem - 14} Q92 205 100 164 Z", 0.12)


def _dress(pen: Pen, traits: Traits, hem: int, width: int, sleeve: str, neck: str, flare: bool = True) -> None:
    sleeve, neck = _sleeve_word(traits, sleeve), _neck_word(traits, neck)
    _sleeves(pen, sleeve)
    if sleeve == "strap":
        pen.line("M96 92 L100 44", 2.4)
        pen.line("M144 92 L140 44", 2.4)
        bodice = "M0 96 Q14 82 26 88 C34 92 38 100 40 116 C37 128 33 134 32 146"
    elif "strapless" in traits:
        bodice = "M0 94 Q16 82 40 88 C40 110 35 130 32 146"
    elif sleeve == "none":
        bodice = f"{_NECK[neck]} L42 62 C39 84 38 100 43 114 C40 126 35 134 33 146"
    else:
        bodice = f"{_NECK[neck]} L52 68 C53 84 51 100 48 114 C43 128 35 134 33 146"
    if sleeve != "strap" and "strapless" not in traits and neck != "high":
        _neckline(pen, neck)
    if flare:
        skirt = f"C44 176 {width - 14} {hem - 50} {width} {hem - 6} Q{width // 2} {hem + 6} 0 {hem + 6}"
    else:
        skirt = f"C36 160 47 176 47 196 C47 216 {width} {hem - 20} {width} {hem} Q{width // 2} {hem + 3} 0 {hem + 3}"
    pen.cloth(both(f"{bodice} {skirt}"))
    pen.seam("M87 146 Q120 151 153 146", width=1.6)
    if flare:
        _skirt_folds(pen, hem, width)
        pen.seam(f"M{122 - width} {hem - 10} Q120 {hem + 3} {118 + width} {hem - 10}", opacity=0.35)
    else:
        pen.seams("M138 108 Q134 128 136 146", opacity=0.5)
        pen.seam(f"M120 {hem - 26} V{hem + 2}", opacity=0.5)


def _hem(traits: Traits, default: int) -> int:
    for word, hem in (("mini", 222), ("short", 222), ("knee-length", 244), ("midi", 260), ("maxi", 284),
                      ("ankle-length", 284), ("long", 284), ("full-length", 284), ("mid-length", 252), ("floor-length", 286)):  # fmt: skip
        if word in traits:
            return hem
    return default


def dress_a_line(pen: Pen, traits: Traits) -> None:
    hem = _hem(traits, 244)
    _dress(pen, traits, hem, 78 if hem < 270 else 72, "none", "scoop")


def dress_maxi(pen: Pen, traits: Traits) -> None:
    _dress(pen, traits, 284, 70, "strap", "v")
    pen.seams("M126 160 Q128 220 132 286", opacity=0.35)


def dress_sheath(pen: Pen, traits: Traits) -> None:
    _dress(pen, traits, _hem(traits, 246), 41, "cap", "boat", flare=False)


def dress_wrap(pen: Pen, traits: Traits) -> None:
    hem = _hem(traits, 248)
    _dress(pen, traits, hem, 68, "three", "deep v")
    pen.seam("M142 56 L94 142", width=1.8)
    pen.cloth("M86 138 Q120 146 154 138 L154 150 Q120 156 86 150 Z")
    pen.cloth("M96 148 L84 196 L95 193 L103 151 Z", "M104 150 L104 188 L113 184 L109 150 Z")
    pen.seam(f"M104 152 Q96 210 76 {hem}", opacity=0.6)


def dress_shirt(pen: Pen, traits: Traits) -> None:
    hem = _hem(traits, 246)
    _dress(pen, traits, hem, 60, "long", "crew")
    pen.seam(f"M115 78 V{hem + 4} M125 78 V{hem + 4}", opacity=0.6)
    pen.buttons(120, 94, 114, 134, 166, 188, 210, 232, r=2)
    pen.cloth("M87 140 H153 V153 H87 Z")
    _collar(pen)


def dress_slip(pen: Pen, traits: Traits) -> None:
    hem = _hem(traits, 264)
    pen.line("M98 88 L102 40", 1.8)
    pen.line("M142 88 L138 40", 1.8)
    pen.cloth(both(f"M0 104 Q10 102 22 86 C32 92 36 102 38 116 C36 134 33 140 34 150 C40 184 50 {hem - 60} 54 {hem} Q26 {hem + 5} 0 {hem + 5}"))
    pen.seam("M99 88 Q120 118 141 88", "M97 100 Q120 132 143 100", opacity=0.4)
    pen.shine(f"M92 150 Q84 200 82 {hem - 10} L92 {hem - 10} Q92 200 99 150 Z", 0.22)


def dress_sweater(pen: Pen, traits: Traits) -> None:
    pen.pair("M170 68 C188 76 196 110 201 150 L209 214 L186 219 L178 164 C174 144 171 130 166 118 Z")
    neck = _neck_word(traits, "crew")
    _neckline(pen, neck)
    pen.cloth(_torso(neck, 246, 42, 48, 49))
    if neck == "high":
        pen.cloth(both("M0 36 L20 36 Q23 50 24 62 Q12 70 0 70"))
    else:
        pen.seams("M144 56 Q137 72 120 72", width=6, opacity=0.3)
    pen.seam(*(f"M{x} 234 V246" for x in range(78, 166, 7)), opacity=0.4)


def jumpsuit(pen: Pen, traits: Traits) -> None:
    sleeve = _sleeve_word(traits, "none")
    _sleeves(pen, sleeve)
    _neckline(pen, "v")
    short = bool(traits.intersection(("playsuit", "romper", "shorts")))
    hem = 196 if short else 284
    pen.cloth(both(f"M0 100 L20 55 L{44 if sleeve == 'none' else 52} 64 C46 90 44 100 48 116 C42 128 36 134 35 144 "
                   f"C46 160 50 180 52 {hem - 8} L{14 if not short else 6} {hem} L2 180 L0 178"))  # fmt: skip
    pen.cloth("M85 138 Q120 144 155 138 L155 151 Q120 157 85 151 Z")
    pen.seam("M120 152 V178")
    pen.seams(f"M146 156 Q152 200 {148 if not short else 150} {hem - 6}", opacity=0.4)
    pen.seams("M120 100 L139 58", width=3, opacity=0.35)


def dungarees(pen: Pen, traits: Traits) -> None:
    pen.line("M98 92 L92 36", 8)
    pen.line("M142 92 L148 36", 8)
    pen.cloth(both("M0 82 L28 82 L32 132 L42 138 C50 170 52 220 50 280 L14 284 L2 186 L0 184"))
    pen.seam("M78 140 Q120 146 162 140", dash="3 2")
    pen.seam("M104 100 H136 V122 L120 128 L104 122 Z")
    pen.disc(97, 92, 5, pen.ink.metal, pen.ink.line)
    pen.disc(143, 92, 5, pen.ink.metal, pen.ink.line)
    pen.seams("M134 150 Q150 160 160 148")


def kurta(pen: Pen, traits: Traits) -> None:
    _sleeves(pen, _sleeve_word(traits, "three"))
    _neckline(pen, "crew")
    pen.cloth(both("M0 70 Q16 70 22 56 L52 68 C53 84 51 100 48 114 C45 140 44 150 46 170 C50 200 56 230 58 252 Q30 258 0 258"))
    pen.seam("M117 70 V128 H123 V70", opacity=0.8)
    pen.buttons(120, 84, 98, 112, r=1.8)
    pen.seams("M170 196 L174 250", width=2, opacity=0.6)
    pen.seam("M64 244 Q120 252 176 244", width=4, opacity=0.4, colour=pen.ink.second)


def sari(pen: Pen, traits: Traits) -> None:
    pen.cloth(both("M0 78 Q18 76 24 58 L42 64 C46 84 44 96 46 112 L34 130 L0 132"), fill=pen.ink.second, plain=True)
    pen.cloth(both("M0 132 L34 134 C42 180 60 230 66 276 Q30 284 0 284"))
    pen.seams("M128 150 Q130 220 134 282", "M142 150 Q150 220 158 280", opacity=0.45)
    pen.cloth("M142 56 L164 66 Q140 140 84 178 L84 134 Q122 108 142 56 Z")
    pen.seam("M163 68 Q138 140 86 174", width=4, colour=pen.ink.metal, opacity=0.8)
    pen.seam("M56 270 Q120 282 184 270", width=4, colour=pen.ink.metal, opacity=0.8)


# ---- lower body


def skirt(pen: Pen, traits: Traits) -> None:
    pleated = bool(traits.intersection(("pleated", "pleats", "plisse")))
    hem, width = 214, 82
    if traits.intersection(("pencil", "straight", "bodycon")):
        return _narrow_skirt(pen)
    if traits.intersection(("mini", "short")):
        hem, width = 178, 72
    elif traits.intersection(("maxi", "long")):
        hem, width = 272, 76
    elif "midi" in traits:
        hem, width = 244, 82
    pen.cloth(both(f"M0 62 L37 62 C42 92 {width - 18} {hem - 50} {width} {hem - 6} Q{width // 2} {hem + 8} 0 {hem + 8}"))
    for share in (0.14, 0.34, 0.54, 0.74, 0.9) if pleated else (0.3, 0.68):
        pen.seams(f"M{120 + 34 * share:.0f} 78 Q{120 + 50 * share:.0f} {hem - 70} {120 + width * share:.0f} {hem + 4 - 9 * share:.0f}",
                  opacity=0.55 if pleated else 0.42, width=1.6)  # fmt: skip
    pen.cloth(both("M0 56 L37 56 L38 76 L0 77"))
    pen.shine(f"M92 84 Q80 130 {118 - width * 0.62:.0f} {hem - 10} L{118 - width * 0.48:.0f} {hem - 8} Q94 130 99 84 Z", 0.13)
    return None


def _narrow_skirt(pen: Pen) -> None:
    pen.cloth(both("M0 62 L36 62 C46 86 52 104 51 124 C50 170 44 200 42 232 L0 235"))
    pen.cloth(both("M0 56 L36 56 L38 75 L0 76"))
    pen.seam("M120 200 V234 M120 76 V92")
    pen.seams("M138 78 L142 100", opacity=0.5)
    pen.shine("M84 90 Q78 130 84 226 L92 226 Q88 130 94 88 Z", 0.13)


def _legs(hem_in: int, hem_out: int, hem: int, thigh: int = 58, knee_in: int = 12, knee_out: int = 54) -> str:
    return both(f"M0 44 L40 44 C45 66 {thigh} 84 {thigh} 108 C{thigh} 140 {knee_out} 176 {hem_out} {hem} "
                f"L{hem_in} {hem + 3} C{knee_in} 200 {knee_in - 4} 150 2 124 L0 122")  # fmt: skip


def trousers(pen: Pen, traits: Traits) -> None:
    denim = "denim" in traits or "jeans" in traits or "jean" in traits
    hem = 240 if traits.intersection(("cropped", "capri", "capris", "3/4", "culotte", "culottes")) else 278
    if traits.intersection(("wide", "wide-leg", "flared", "flare", "palazzo", "bootcut")):
        pen.cloth(_legs(10, 82, hem, 60, 10, 66))
    elif traits.intersection(("skinny", "slim", "cigarette")):
        pen.cloth(_legs(18, 42, hem, 54, 14, 46))
    else:
        pen.cloth(_legs(14, 54, hem))
    pen.cloth(both("M0 38 L40 38 L41 56 L0 57"))
    stitch = "#d8a45a" if denim else pen.ink.seam
    pen.seam("M120 57 V122", colour=stitch)
    pen.seam("M120 100 Q132 96 132 58", colour=stitch, dash="3 2", opacity=0.9)
    if denim:
        pen.seams("M138 58 Q140 78 162 78", colour=stitch, dash="3 2", opacity=1, width=1.5)
        pen.seams("M168 116 C168 150 164 190 160 270", colour=stitch, dash="3 2.4", opacity=0.55)
        pen.disc(120, 47, 3.4, pen.ink.metal, "#6b4a22", 1)
        pen.shine("M84 110 Q78 150 84 210 L98 210 Q98 150 102 112 Z", 0.16)
        pen.shine("M142 110 Q142 150 150 210 L160 210 Q164 150 160 112 Z", 0.12)
    else:
        pen.seams("M158 60 L166 92", width=1.6)
        pen.seams(f"M144 72 Q150 140 148 {hem - 4}", opacity=0.42)
        pen.buttons(120, 47, r=2.6)
    pen.trim("M92 36 h5 v22 h-5 Z M143 36 h5 v22 h-5 Z", pen.ink.dark)


def jeans(pen: Pen, traits: Traits) -> None:
    trousers(pen, traits | {"jeans"})


def joggers(pen: Pen, traits: Traits) -> None:
    pen.cloth(_legs(16, 50, 256, 60, 12, 58))
    pen.pair("M136 252 L171 250 L168 276 L139 278 Z")
    pen.seams(*(f"M{x} 254 V275" for x in range(142, 168, 6)), opacity=0.4)
    pen.cloth(both("M0 38 L41 38 L42 58 L0 59"))
    pen.seam(*(f"M{x} 40 V56" for x in range(84, 160, 6)), opacity=0.4)
    pen.seam("M120 60 V122")
    pen.seams("M156 62 L168 96", width=1.6)
    pen.line("M115 54 L110 90", 1.8, mix(pen.ink.base, "#ffffff", 0.65))
    pen.line("M125 54 L130 84", 1.8, mix(pen.ink.base, "#ffffff", 0.65))


def leggings(pen: Pen, traits: Traits) -> None:
    pen.cloth(_legs(18, 34, 280, 50, 14, 40))
    pen.cloth(both("M0 34 L38 34 L41 60 L0 64"))
    pen.seam("M120 64 V122", opacity=0.6)
    pen.shine("M88 80 Q78 130 88 210 L95 210 Q88 130 97 80 Z", 0.18)
    pen.seams("M166 90 Q168 130 156 270", opacity=0.35)


def shorts(pen: Pen, traits: Traits) -> None:
    denim = "denim" in traits
    pen.cloth(both("M0 84 L42 84 C48 108 62 128 66 186 L10 194 L3 152 L0 150"))
    pen.cloth(both("M0 76 L42 76 L43 97 L0 98"))
    stitch = "#d8a45a" if denim else pen.ink.seam
    pen.seam("M120 98 V150", colour=stitch)
    pen.seams("M140 99 Q144 120 166 116", colour=stitch, opacity=0.9)
    pen.seams("M131 184 L184 178", dash="3 2", colour=stitch)
    if traits.intersection(("swim", "swimming", "drawstring", "sport", "running", "jersey")):
        pen.line("M116 90 L110 124", 2, mix(pen.ink.base, "#ffffff", 0.65))
        pen.line("M124 90 L131 120", 2, mix(pen.ink.base, "#ffffff", 0.65))
    else:
        pen.disc(120, 87, 3.2, pen.ink.metal if denim else pen.ink.seam)


# ---- underwear, swimwear, night, legs


def bra(pen: Pen, traits: Traits) -> None:
    pen.line("M92 118 C84 90 84 74 90 56", 4)
    pen.line("M148 118 C156 90 156 74 150 56", 4)
    pen.cloth("M52 146 L80 130 L86 176 Q66 174 50 170 Z", mirrored("M52 146 L80 130 L86 176 Q66 174 50 170 Z"))
    pen.cloth("M120 152 C112 122 96 112 90 112 C78 124 72 142 74 162 C84 188 112 186 120 164 Z",
              "M120 152 C128 122 144 112 150 112 C162 124 168 142 166 162 C156 188 128 186 120 164 Z")  # fmt: skip
    pen.seams("M128 176 Q152 184 164 158", opacity=0.6)
    pen.disc(120, 156, 2.6, pen.ink.second)


def briefs(pen: Pen, traits: Traits) -> None:
    boxer = bool(traits.intersection(("boxer", "boxers", "trunk", "trunks")))
    if boxer:
        pen.cloth(both("M0 108 L58 108 L66 190 L16 198 L6 170 L0 168"))
        pen.seam("M108 126 Q104 160 118 170 M132 126 Q136 160 122 170")
    else:
        pen.cloth(both("M0 112 L64 108 C66 124 60 134 60 140 C40 146 22 170 18 194 Q10 200 0 200"))
        pen.seams("M178 142 C160 150 144 172 140 192", opacity=0.6)
    pen.cloth(both("M0 106 L58 104 L59 122 L0 124"), fill=pen.ink.dark, plain=True)


def bikini_top(pen: Pen, traits: Traits) -> None:
    pen.line("M88 122 Q100 76 118 48", 2.6)
    pen.line("M152 122 Q140 76 122 48", 2.6)
    pen.line("M54 178 Q120 188 186 178", 2.6)
    pen.cloth("M118 178 Q104 186 64 180 C66 150 78 126 88 116 C104 130 114 152 118 178 Z",
              "M122 178 Q136 186 176 180 C174 150 162 126 152 116 C136 130 126 152 122 178 Z")  # fmt: skip
    pen.seams("M126 178 Q136 146 152 120", opacity=0.45)


def bikini(pen: Pen, traits: Traits) -> None:
    pen.line("M92 96 Q104 64 118 40", 2.4)
    pen.line("M148 96 Q136 64 122 40", 2.4)
    pen.line("M62 140 Q120 148 178 140", 2.4)
    pen.cloth("M118 140 Q104 147 70 142 C72 118 82 100 92 92 C106 104 114 120 118 140 Z",
              "M122 140 Q136 147 170 142 C168 118 158 100 148 92 C134 104 126 120 122 140 Z")  # fmt: skip
    pen.cloth(both("M0 194 L54 186 L56 200 C36 208 20 226 15 246 Q8 250 0 250"))
    pen.seam("M66 199 Q120 208 174 199", opacity=0.5)


def swimsuit(pen: Pen, traits: Traits) -> None:
    pen.line("M96 84 L98 40", 6)
    pen.line("M144 84 L142 40", 6)
    pen.cloth(both("M0 108 Q16 104 22 76 L28 76 C30 92 42 102 44 118 C40 136 34 144 35 158 C40 176 48 190 50 206 C34 216 22 234 17 252 Q8 257 0 257"))
    pen.seams("M120 128 Q146 134 162 116", opacity=0.5)
    pen.seams("M169 208 C154 218 142 234 138 250", opacity=0.5)


def bodysuit(pen: Pen, traits: Traits) -> None:
    _sleeves(pen, _sleeve_word(traits, "long"))
    _neckline(pen, "scoop")
    pen.cloth(both("M0 92 Q24 90 27 58 L52 68 C53 84 51 100 46 116 C40 140 38 150 40 166 C46 180 50 190 52 204 C34 216 22 234 17 252 Q8 257 0 257"))
    pen.seams("M120 92 Q144 90 147 58", width=3, opacity=0.35)
    pen.seams("M171 206 C154 218 142 234 138 250", opacity=0.5)


def pyjamas(pen: Pen, traits: Traits) -> None:
    bottom = "M84 158 H156 L164 284 L130 286 L120 196 L110 286 L76 284 Z"
    pen.cloth(bottom)
    pen.seam("M120 160 V196")
    pen.cloth("M152 46 C172 52 182 88 188 142 L170 146 L160 96 Z", mirrored("M152 46 C172 52 182 88 188 142 L170 146 L160 96 Z"))
    pen.cloth(both("M0 52 Q10 46 16 36 L36 46 C40 70 40 90 40 168 L0 172"))
    pen.seam("M116 60 V170 M124 60 V170", opacity=0.6)
    pen.buttons(120, 80, 102, 124, 146, r=2.2)
    pen.pair("M120 62 L134 36 L144 42 L136 66 Z")
    pen.seams("M132 92 H150 V110 H132 Z", opacity=0.6)


def robe(pen: Pen, traits: Traits) -> None:
    pen.pair("M168 58 C190 66 200 110 208 176 L182 184 C176 150 171 128 165 112 Z")
    pen.trim(both("M0 48 L20 46 L28 60 L0 140"), mix(pen.ink.dark, "#0b0b10", 0.2))
    pen.cloth("M142 44 L170 57 C172 84 168 100 165 112 L174 262 L112 266 L116 132 Z")
    pen.cloth("M98 44 L70 57 C68 84 72 100 75 112 L66 262 L128 268 L124 132 Z")
    pen.seam("M98 46 L124 134 V268", width=8, opacity=0.3)
    pen.seam("M142 46 L122 116", width=8, opacity=0.3)
    pen.cloth("M74 140 H166 V155 H74 Z", "M112 152 L100 206 L111 204 L120 155 Z", "M122 154 L130 200 L138 196 L130 153 Z")


def socks(pen: Pen, traits: Traits) -> None:
    one = "M{a} 70 L{b} 70 L{b} 168 C{b} 186 {c} 194 {d} 212 C{e} 232 {f} 236 {g} 226 L{a} 190 Z"
    for dx in (58, 0):
        d = one.format(a=66 + dx, b=106 + dx, c=118 + dx, d=140 + dx, e=146 + dx, f=124 + dx, g=104 + dx)
        pen.cloth(d.replace(f"L{66 + dx} 190", f"C{86 + dx} 214 {66 + dx} 204 {66 + dx} 184"))
        pen.cloth(f"M{64 + dx} 62 H{108 + dx} V86 H{64 + dx} Z")
        pen.seam(*(f"M{x + dx} 64 V84" for x in range(70, 106, 6)), opacity=0.4)
        pen.trim(f"M{136 + dx} 208 C{146 + dx} 226 {134 + dx} 236 {120 + dx} 232 Q{124 + dx} 216 {136 + dx} 208 Z", pen.ink.dark, line=False)


def tights(pen: Pen, traits: Traits) -> None:
    pen.cloth(_legs(17, 29, 256, 46, 12, 36))
    pen.pair("M137 254 L149 254 C152 266 166 272 164 282 L136 284 Z")
    pen.cloth(both("M0 36 L38 36 L40 54 L0 56"), fill=pen.ink.dark)


def folded(pen: Pen, traits: Traits) -> None:
    """A stack of folded cloth: for garments whose word nothing else knows."""
    for y, h in ((196, 34), (164, 32), (128, 36)):
        pen.cloth(f"M58 {y + 6} Q58 {y} 66 {y} H174 Q184 {y} 184 {y + h // 2} Q184 {y + h} 174 {y + h} H66 Q58 {y + h} 58 {y + h - 6} Z")
        pen.seam(f"M62 {y + h // 2} H176", opacity=0.4)
