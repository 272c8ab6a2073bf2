"""Fashion English: words that mean the same, words that cover several kinds. Which of them exist is the "
"catalogue's say."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator


def _phrases(line: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in line.split(","))


# Words for one kind of product. A word that no category bears stands for the categories the others name.
CATEGORY_SYNONYMS = tuple(
    tuple(name.strip() for name in line.split(","))
    for line in """
sneakers, trainers, kicks, tennis shoes, casual shoes, gym shoes
running shoes, runners, jogging shoes, sports shoes
pumps, heels, high heels, court shoes, stilettos
ankle boots, booties, bootie, ankle booties, short boots
knee-high boots, tall boots, knee boots, long boots, over the knee boots
chelsea boots, chelseas, pull on boots
hiking boots, walking boots, trekking boots, hikers
loafers, moccasins, slip ons, penny loafers
ballet flats, ballerinas, flats, ballet pumps, flat shoes
oxford shoes, oxfords, dress shoes, formal shoes, lace up shoes, brogues, derbies
sandals, slides, summer shoes, strappy sandals
flip flops, thongs
t-shirt, tee, tees
tank top, vest top, singlet, camisole, tank, cami
shirt, button up, button down, button down shirt, dress shirt
polo shirt, polo, golf shirt
blouse, dressy top, smart top
sweater, jumper, pullover, knitwear, jersey top
cardigan, cardi
hoodie, hooded sweatshirt, hoody, sweatshirt, hooded sweater, hooded jumper, hooded top
trousers, pants, slacks, dress pants
chinos, khakis, chino trousers, chino pants
joggers, track pants, sweatpants, jogging bottoms
jeans, jean, denims
leggings, yoga pants, workout leggings, leggings/tights
shorts, bermudas, short pants
midi skirt, mid length skirt
a-line dress, fit and flare dress, flared dress
maxi dress, gown, long dress, floor length dress, maxi
knit dress, jumper dress, sweater dress
trench coat, trench, mac
wool coat, overcoat, winter coat, woollen coat
puffer jacket, puffer, down jacket, padded jacket, quilted jacket
rain jacket, raincoat, waterproof jacket, anorak
denim jacket, jean jacket, jeans jacket, denim coat
leather jacket, biker jacket, moto jacket
blazer, suit jacket, sport coat, sports jacket
waistcoat, outdoor waistcoat, gilet
jumpsuit, playsuit, romper, jumpsuit/playsuit
swimsuit, bathing suit, one piece
bikini top, bikini
pajama, pyjama set, pajama set, night suits, nightwear, sleepwear
nightdress, night gown, nightgown
backpack, rucksack, knapsack, day pack
tote bag, tote, handbag, shoulder bag, shopper
crossbody bag, cross body bag, crossbody, sling bag, messenger bag
clutch, evening bag, clutch bag, pochette
suitcase, trolley, luggage, travel case, check in luggage
carry-on, cabin bag, cabin case, hand luggage
weekender, duffel bag, holdall, weekend bag, overnight bag
wallet, purse, card holder, billfold
beanie, knit hat, winter hat, wool hat, hat/beanie
sun hat, straw hat, summer hat, bucket hat, hat/brim
cap, baseball cap, cap/peaked
scarf, shawl, muffler, stole, wrap
gloves, mittens
sunglasses, shades, sunnies, sun glasses
tie, necktie
watch, wristwatch, timepiece
necklace, pendant, choker, necklace and chains
earrings, earring, hoops, studs, drop earrings
bracelet, bangle, cuff, wristband
""".strip().splitlines()
)

# A covering word stands for every category whose name or head is one of these.
COVERING = {
    "shoes": "boots, bootie, sneakers, trainers, pumps, heels, loafers, flats, sandals, oxfords, shoe, slippers, "
    "ballerinas,"
    "flip flops, clogs, espadrilles, mules, moccasins, wedges",
    "footwear": "boots, bootie, sneakers, trainers, pumps, heels, loafers, flats, sandals, oxfords, shoe, "
    "slippers, ballerinas,"
    "flip flops, clogs, espadrilles, mules, moccasins, wedges",
    "bag": "bag, tote, backpack, clutch, handbag, weekender, rucksack, satchel",
    "luggage": "suitcase, carry-on, weekender, trolley, luggage, duffel bag, trolley bag",
    "tops": "t-shirt, shirt, blouse, top, tank top, vest top, polo shirt, tunic, kurta, kurtis, bodysuit, vest",
    "bottoms": "jeans, trousers, chinos, leggings, shorts, skirt, pants, joggers, capris",
    "trousers": "jeans, trousers, chinos, pants, joggers, slacks",
    "outerwear": "coat, jacket, parka, waistcoat, blazer",
    "jewelry": "necklace, earrings, ring, bracelet, pendant, bangle, brooch, anklet, cufflinks",
    "hat": "hat, cap, beanie, sun hat, beret",
    "headwear": "hat, cap, beanie, sun hat, beret",
    "knitwear": "sweater, cardigan, hoodie, jumper, pullover",
    "underwear": "bra, briefs, boxers, trunk, underwear, innerwear vests, underwear bottom, underwear body",
    "swimwear": "swimsuit, bikini top, swimwear bottom, swimwear set, swimwear top, swim shorts",
    "socks": "socks, stockings, tights",
    "accessories": (
        "belt, wallet, scarf, gloves, hat, cap, beanie, sun hat, sunglasses, tie, watch, hair clip, other "
        "accessories"
    ),
}  # fmt: skip

# A kind that no category of the catalogue bears is looked for among these.
ELSE_AMONG = {
    "blazer": "jacket, coat, suit jacket",
    "cardigan": "sweater, jumper, knitwear",
    "hoodie": "sweatshirt, sweater",
    "waistcoat": "vest, jacket",
    "blouse": "shirt, top",
    "polo shirt": "t-shirt, tshirt, shirt",
    "tank top": "top, t-shirt, tshirt",
    "chinos": "trousers, pants",
    "joggers": "trousers, pants",
    "leggings": "tights, trousers, pants",
    "trench coat": "coat",
    "wool coat": "coat",
    "puffer jacket": "jacket, coat",
    "rain jacket": "jacket, coat",
    "denim jacket": "jacket",
    "leather jacket": "jacket",
    "midi skirt": "skirt",
    "a-line dress": "dress",
    "maxi dress": "dress",
    "knit dress": "dress",
    "beanie": "hat, cap",
    "sun hat": "hat",
    "cap": "hat",
    "sneakers": "shoes",
    "running shoes": "shoes, sneakers",
    "pumps": "shoes",
    "ankle boots": "boots, shoes",
    "chelsea boots": "boots, shoes",
    "hiking boots": "boots, shoes",
    "loafers": "shoes",
    "sandals": "shoes",
}

# Of these covering words one wears or carries one piece at a time.
ONE_AT_A_TIME = ("shoes", "bag", "luggage", "tops", "bottoms", "trousers", "outerwear", "hat")

COLOR_SYNONYMS = tuple(
    tuple(name.strip() for name in line.split(","))
    for line in """
navy, navy blue, dark blue, midnight blue
light blue, baby blue, sky blue, pale blue, powder blue
burgundy, wine red, wine, maroon, dark red, bordeaux, oxblood
beige, nude, sand, light beige
cream, ivory, off white, ecru
tan, cognac
brown, chocolate
olive, khaki, army green, olive green, greenish khaki
green, emerald, emerald green
purple, violet, lilac, lavender, mauve, light purple
pink, blush, light pink, rose
mustard, yellow, mustard yellow, dark yellow
orange, coral
rust, terracotta
turquoise, teal, aqua
gold, golden
silver, silvery
charcoal, dark grey
multicolor, multi, multicolored, multi color, colorful
""".strip().splitlines()
)

PATTERN_SYNONYMS = tuple(
    tuple(name.strip() for name in line.split(","))
    for line in """
solid, plain, plain colored, unpatterned, no pattern, single colored, one colored, basic
striped, stripe, stripes, stripy, pinstripe
floral, flowers, flowery, flower print
polka dot, dots, dot, polka dots, dotted, spots, spotted
checked, check, checks, plaid, tartan, checkered, gingham
animal print, leopard, leopard print, zebra print, snake print
colour block, color blocking, colour blocking, color block, two tone, two toned, twin colors
camouflage, camo, camo print
leafy design, leafy, leaves
denim, denim all over
""".strip().splitlines()
)

OCCASION_WORDS = {
    "work": "office, business, interview, meeting, professional, formal",
    "formal": "office, business, interview, work",
    "party": "parties, night out, evening, evening out, clubbing, cocktail, date night, new year, birthday, prom",
    "wedding": "wedding guest, ceremony, weddings, bridal",
    "sport": "gym, training, workout, exercise, running, jogging, fitness, yoga, sports",
    "sports": "gym, training, workout, exercise, running, jogging, fitness, yoga, sport",
    "travel": "travelling, traveling, trip, holiday, vacation, city trip, journey, flight",
    "outdoor": "hiking, camping, outdoors, mountains, trekking",
    "casual": "everyday, every day, weekend, daily, day to day",
    "smart casual": "smart",
}  # fmt: skip
# Occasions that all one wears to them is for, unlike those that are a kind of clothes ("work", "sport").
EVENTS = frozenset(
    "wedding party formal evening cocktail prom graduation funeral christening festival ball gala ceremony".split()
)
SEASON_WORDS = {
    "winter": "wintry, cold weather, snow",
    "autumn": "fall",
    "fall": "autumn",
    "summer": "hot weather, summery",
    "spring": "springtime",
}
# Anchors for guesses by meaning (`nearest`): phrases, and the values they come near to. They order and never filter.
NEAR_WORDS = {
    attribute: tuple((_phrases(said), frozenset(_phrases(values))) for said, values in rows)
    for attribute, rows in {
        "occasion": (
            ("black tie, white tie, gala, ball, opera, concert, festival, celebration, christmas party, festive"
             ", graduation, dressing up, theatre, first date, cocktail attire", "party, evening, formal"),
            ("engagement, christening, baptism, bridal shower, church", "wedding, formal"),
            ("beach, seaside, pool, cruise, city break, road trip, backpacking, long haul, airport",
             "travel, vacation"),
            ("job interview, board meeting, conference, desk job, presentation, courtroom", "work, formal, office"),
            ("rain, rainy, mud, forest, skiing, fishing, dog walking, campfire, climbing", "outdoor"),
            ("marathon, tennis, football, dancing, pilates, cycling, spinning class", "sport, sports"),
            ("lounging, at home, school run, errands, lazy day, brunch", "casual, everyday"),
        ),
        "season": (
            ("freezing, frosty, snowy, chilly, ice skating, skiing", "winter"),
            ("heatwave, hot, hot days, sweltering, sunny, tropical, beach, poolside, garden party, barbecue", "summer"),
            ("rainy, windy, foliage, back to school", "autumn, fall"),
            ("easter, blossom, mild weather", "spring"),
        ),
        "material": (
            ("cosy, cozy, snug, warm and soft, fluffy, cuddly, toasty", "cashmere, wool, lambswool, fleece, alpaca"
             ", boucle, flannel, down"),
            ("airy, breezy, breathable, light and cool, floaty", "linen, chiffon, mesh, cotton, poplin"),
            ("shiny, glossy, sparkly, glittery, glamorous", "satin, silk, crystal, sequin, velvet"),
            ("sheer, see through, delicate", "chiffon, lace, mesh, tulle"),
            ("hard wearing, sturdy, rugged, tough", "leather, denim, canvas, nubuck"),
            ("waterproof, rainproof, wipe clean", "rubber, nylon"),
            ("vegan, animal free", "canvas, microfiber, cotton, nylon, cork"),
        ),
        "look": (
            ("elegant, timeless, preppy, old money, understated, ladylike, vintage", "classic"),
            ("simple, clean lines, sleek, scandinavian, pared back", "minimal"),
            ("hippie, bohemian, festival, free spirited", "boho"),
            ("glamorous, sparkly, red carpet, dazzling, sexy", "glam"),
            ("edgy, urban, skater, hip hop, cool kid", "street"),
            ("girly, feminine, dreamy, soft and sweet", "romantic"),
            ("athletic, active, gym bunny", "sporty"),
            ("rugged, adventurous, mountaineering", "outdoor"),
        ),
        "pattern": (
            ("jungle, safari, wild", "animal print, leopard, camouflage"),
            ("flowers, botanical, garden party, tropical print", "floral"),
        ),
        "fit": (
            ("comfy, comfortable, roomy, loose, slouchy", "relaxed, oversized, loose"),
            ("figure hugging, tight, body hugging, flattering", "slim, skinny, tailored"),
        ),
    }.items()
}
# Department values are recognised by these beginnings; the shopper by these words.
DEPARTMENTS = {
    "women": (
        ("women", "ladies", "lady", "female", "her", "lingerie"),
        "women, woman, womens, ladies, lady, female, for her, my wife, my girlfriend, my mom, my mum, my mother, "
        "my sister",
    ),
    "men": (
        ("men", "gent", "male", "him"),
        "men, man, mens, gents, gentlemen, male, for him, guys, my husband, my boyfriend, my dad, my father, my "
        "brother",
    ),
    "girls": (("girl",), "girls, girl, my daughter, my niece"),
    "boys": (("boy",), "boys, boy, my son, my nephew"),
    "kids": (("kid", "child", "baby", "junior", "girl", "boy"), "kids, kid, children, child, childrens, toddler, baby"),
    "unisex": (("unisex",), "unisex"),
}
SIZE_WORDS = {
    "xs": "extra small, x small, xsmall",
    "s": "small",
    "m": "medium",
    "l": "large",
    "xl": "extra large, x large, xlarge",
    "xxl": "extra extra large, 2xl, xx large, double xl",
    "xxxl": "3xl",
    "one size": "one size fits all",
}
# Words before a material that make it another material: who wants no leather may well want these.
IMITATION = ("faux", "vegan", "imitation", "synthetic", "artificial", "pu", "fake", "mock", "eco")

# Families of materials by a word of their names, and how shoppers name the family.
MATERIAL_FAMILIES = (
    (
        "synthetic, synthetics, man made fibres, manmade fibres, man made materials, synthetic fibres"
        ", synthetic fabrics",
        "polyester nylon acrylic polyamide elastane spandex lycra microfiber microfibre fleece polyurethane pvc pu"
        " polycarbonate",
    ),
    (
        "natural fibres, natural fibers, natural materials, natural fabrics, natural material, natural fabric",
        "cotton linen wool silk cashmere merino lambswool alpaca mohair hemp down leather suede straw raffia cork",
    ),
)

# How shoppers ask for a column; attributes of the catalogue's own are asked for by their names.
ASKING_WORDS = {
    "price": "price, prices, cost, costs, how much, pricing, price tag, expensive, cheap, cheaper, better deal, wallet",
    "material": "material, materials, fabric, fabrics, made of, made from, made out of, composition",
    "size": "size, sizes, sizing, come in my size, size range, fit me",
    "color": "color, colors, colour, colours, shade, shades",
    "brand": "brand, brands, who makes, who made, designer, label, manufacturer, company, maker",
    "available": "in stock, available, availability, sold out, stock",
    "season": "season, seasons",
    "occasion": "occasion, occasions",
    "department": "department",
    "category": "category, what kind, what type",
    "description": "describe, description, details, more about, tell me about, more info, more information",
    "rating": (
        "rating, ratings, review, reviews, score, scores, stars, rated, customers think, other customers, "
        "happiest with"
    ),
}  # fmt: skip
RATING_NAMES = ("rating", "ratings", "review", "reviews", "customer review", "customer_review", "stars", "score")
# Values too plain to stand for an attribute on their own: they need its name beside them ("long sleeves").
NEED_THEIR_NOUN = frozenset(
    """long short high low mid medium large small mini wide narrow slim regular plain chain square round drop
    classic flat zip light dark full half straight open lined large tall one top new other design text multi
    band cuff stud hoop detail size lace bow penny buttons slip-on buckle elastic pendant layered minimal street
    sporty""".split()
)
# Words of requests, small talk and grammar: never a misspelling of a product word.
COMMON = frozenset(
    """a about above actually add after again all almost already also always am an and another any anything
    anyone are around as ask at available away back bag basket be because been before below best better between
    big both bought bring browse budget but buy by bye can cannot cart change cheap cheaper check clear click
    come compare cost could day deal dear did difference different do does doing done down each either else
    enough euro euros even ever every except expensive favourite few find fine first fit for forget found friend
    from gift give go goes going good great had has have having hello help her here hey hi him his hold home how
    i idea ideas if in inside instead into is it item items its join just keep kind know last later least leave
    less let like likes list little look looking lot love lovely made make makes many maybe me mean mind mine
    more most much must my name need never new next nice night no none nor not nothing now of off offer ok okay
    old on once one ones only open or order other others our out over own pair part people perfect perhaps piece
    please prefer present price put quite rather ready really recommend remove right same saw say second see
    seen sell send shall she shop should show shown similar since sir size so some someone something sorry sort
    start still stock stop store style such suggest suit sure take tell than thank thanks that the their them
    then there these they thing things think third this those though through time to today together told too
    took total toward try turn two type under undo until up upon us use very wait want wanted was way we wear
    wearing well were what when where which while who why will wish with within without wonder work would wrong
    yeah yes yet you your yours weather joke story world capital president recipe cook football news music movie
    write poem code python math number three four five six seven eight nine ten hundred half dollars dollar
    bucks pounds view save saved wishlist reset everything start over delete explain reason customer customers
    option options range ranges wow cute pretty beautiful gorgeous amazing awesome cool bottom left side wall
    rack shelf row middle display table front behind hanging closet cubicle cubby cupboard carousel
    fourth fifth sixth seventh eighth ninth tenth said thinking thought might pick care shouldnt couldnt
    wouldnt arent forty redo forward twice thrice step steps bookmark bookmarks bookmarked favorite favorites
    favourites faves wishlists shortlist unsave lists aside move""".split()
)
# Words of requests whose misspelling would lose a wish.
SPELLED = frozenset(
    "under below around between without recommend similar compare cheaper cheapest expensive cheap size leather".split()
)


# What an attribute's values are said of beside its own name: a straight leg, a high waist.
OTHER_NOUNS = {
    "fit": ("leg", "legged", "cut"),
    "rise": ("waist", "waisted"),
    "sleeve length": ("sleeved",),
    "neckline": ("neck", "collar"),
    "length": ("long",),
}
# Words inside a value that may be left out or added.
LINKING = frozenset("a an the on of with and in".split())


@functools.cache
def spoken_words() -> frozenset[str]:
    """Every single word of these tables."""
    return frozenset(w for phrase in every_phrase() for w in re.findall(r"[a-z]+", phrase))


def every_phrase() -> Iterator[str]:
    """All words and phrases of these tables."""
    for groups in (CATEGORY_SYNONYMS, COLOR_SYNONYMS, PATTERN_SYNONYMS):
        for group in groups:
            yield from group
    for table in (COVERING, OCCASION_WORDS, SEASON_WORDS, SIZE_WORDS, ASKING_WORDS):
        for word, others in table.items():
            yield from (word, others)
    for _, spoken in DEPARTMENTS.values():
        yield spoken
    yield from (*IMITATION, *SPELLED, *NEED_THEIR_NOUN)
