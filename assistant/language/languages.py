"""Which language a sentence is in, told by its script or by its commonest words: enough to answer in it."""

from __future__ import annotations

import re
from collections.abc import Callable

# Words of a sentence's grammar and of asking in a shop. Those that English has as well do not count: `_ENGLISH`.
_WORDS = {
    "de": """ich du wir ihr sie mir mich dir dich uns euch ist sind war bin habe haben hat hast habt kann kannst
        können könnt könnten möchte möchten würde suche suchen brauche hätte gerne gern bitte danke nicht kein keine
        keinen und oder aber auch nur noch mehr ein eine einen einem einer das dem des für mit von vom zum zur auf aus
        bei nach über unter ohne wie wo wer wann warum welche welcher welches gibt es guten morgen abend hallo tag
        etwas schöne schönes schön preis größe farbe kleid schuhe hose jacke deutsch sprechen zeigen zeig mal einfach
        günstig günstiger billiger geschenk mutter vater frau mann""",
    "fr": """je tu il elle nous vous ils elles moi toi lui suis es est sommes êtes sont ai avez avons ont peux peut
        pouvez voudrais veux cherche cherchez besoin aimerais le la les un une des du de et ou mais aussi pas ne plus
        avec sans pour dans sur sous chez par que qui quoi quel quelle quels quelles comment où pourquoi quand combien
        bonjour bonsoir salut merci voilà ça cette ces mon ma mes votre vos leur est-ce qu'est-ce avez-vous j'ai
        je-cherche c'est d'une d'un s'il plaît chose quelque taille couleur robe chaussures pantalon veste prix moins
        cher français parlez joli jolie montrez""",
    "es": """yo tú él ella nosotros ustedes vosotros me te le les nos soy eres es somos son estoy está están tengo
        tiene tienen tienes quiero quisiera busco buscando necesito puedo puedes puede pueden podría el la los las un
        una unos unas del al y o pero también no más con sin para por en sobre entre que quién qué cuál cuáles cómo
        dónde cuándo cuánto cuesta hola buenos buenas días tardes noches gracias favor algo este esta estos estas mi
        mis su talla color vestido zapatos pantalón chaqueta precio barato español hablas hablan ayudar muéstrame
        enséñame cosa""",
    "it": """io tu lui lei noi voi loro mi ti ci vi sono sei è siamo siete ho hai ha abbiamo avete hanno vorrei voglio
        cerco cercando posso puoi può potete potrei il lo la gli le un uno una del della dei delle degli al alla e o
        ma anche non più con senza per in su tra fra che chi cosa quale quali come dove quando quanto costa ciao
        buongiorno buonasera salve grazie prego favore qualcosa questo questa questi queste mio mia vestito scarpe
        pantaloni giacca taglia colore prezzo economico italiano parlare parlate capisco bisogno mostrami""",
    "nl": """ik jij je hij zij wij jullie mij jou ons ben bent zijn heb heeft hebben hebt kan kunnen kun wil willen
        zou zoek zoeken nodig graag alsjeblieft alstublieft dank bedankt niet geen een het de den deze dit dat en of
        maar ook nog meer voor met van naar op uit bij onder zonder hoe waar wie wanneer waarom welke hallo
        goedemorgen goedenavond dag iets mooie mooi maat kleur jurk schoenen broek jas prijs goedkoop goedkoper
        nederlands spreken laat zien misschien helpen zoekt""",
    "pt": """eu tu ele ela nós vocês você me te lhe sou és é somos são estou está estão tenho tem têm temos quero
        queria gostaria procuro procurando preciso posso pode podem podia o os um uma uns umas do da dos das ao à e ou
        mas também não mais com sem para por em sobre entre que quem qual quais como onde quando quanto custa olá oi
        bom boa dia tarde noite obrigado obrigada favor algo alguma coisa este esta esse essa meu minha vestido
        sapatos calças casaco tamanho cor preço barato português falam ajudar mostre escolher""",
}  # fmt: skip
# Words of English sentences, however many other languages have them too.
_ENGLISH = frozenset(
    """a an and any are as at be been but by can could do does for from get give had has have he her hi him his how i
        i'd i'll i'm if in is it its just like looking me men my need no not of off on one or our out please red she
        show size so some something that the their them then there these they this those to top under up us want was
        we what when where which who will with women would you your under over about more less also than too very
        black white blue green brown grey gray dress shoes boots jacket bag coat shirt jeans cheaper cheap find buy
        skirt sale casual polo mini maxi midi chic art de la le die was man war es son ten men hat den des du me tag
        pants sandals cotton wool leather denim over sneakers new other ones cost price color colour""".split()
)
_SCRIPTS = (
    ("ko", re.compile(r"[\uac00-\ud7af\u1100-\u11ff]")),
    ("zh", re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
)
_KANA = re.compile(r"[\u3040-\u30ff]")
WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
LANGUAGES = {name: frozenset(words.split()) for name, words in _WORDS.items()}
# Each word counts for a language by how few of these six have it.
_SHARED = {w: sum(w in words for words in LANGUAGES.values()) for words in LANGUAGES.values() for w in words}
THANKED = {
    "de": frozenset(("danke", "dankeschön", "vielen")), "fr": frozenset(("merci",)), "es": frozenset(("gracias",)),
    "it": frozenset(("grazie",)), "nl": frozenset(("bedankt", "dank", "dankjewel")),
    "pt": frozenset(("obrigado", "obrigada")),
}  # fmt: skip
# Greetings that stand alone.
_ALONE = {
    "de": "hallo danke bitte", "fr": "bonjour bonsoir salut merci", "es": "hola gracias", "it": "ciao grazie "
        "buongiorno salve",
    "nl": "dankjewel bedankt goedemorgen", "pt": "olá oi obrigado obrigada",
}  # fmt: skip
_GREETING = {w: name for name, words in _ALONE.items() for w in words.split()}


MOST_WORDS_OF_THANKS = 6


def thanked_in(text: str) -> str:
    """The language of a few words that thank and ask for nothing: "merci beaucoup, au revoir"; "" for none."""
    words = set(WORD.findall(text.replace("’", "'").lower()))
    if not words or len(words) > MOST_WORDS_OF_THANKS or words & _ENGLISH - _COURTEOUS_TOO:
        return ""
    return next((name for name, said in THANKED.items() if words & said), "")


# Words that English has as well and that stand beside thanks in other languages.
_COURTEOUS_TOO = frozenset("das des de die es la le me was all".split())


def language_of(text: str, known_word: Callable[[str], bool]) -> str:
    """The language's code (ISO 639-1), "" for English and for what cannot be told.

    Args:
        known_word: whether a word is the shop's own: "Mirabeau & Lune" is no French.
    """
    letters = sum(c.isalpha() for c in text)
    for name, script in _SCRIPTS:
        if letters and 2 * len(script.findall(text)) > letters:
            return "ja" if name == "zh" and _KANA.search(text) else name
    words = WORD.findall(text.replace("’", "'").lower())
    if not words:
        return ""
    english = sum(w in _ENGLISH for w in words)
    scores = {name: _score(words, own, known_word) for name, own in LANGUAGES.items()}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] >= 1.5 and scores[best] > 1.5 * english:
        return best
    # One or two words: only what greets or thanks is told apart from a name.
    if len(words) <= 3 and not english and words[0] in _GREETING and not known_word(words[0]):
        return _GREETING[words[0]]
    return ""


def _score(words: list[str], own: frozenset[str], known_word: Callable[[str], bool]) -> float:
    """How much of a sentence is this language's: rarer words weigh more, words that English has do not."""
    found = (w for w in words if w in own and w not in _ENGLISH and not known_word(w))
    return sum(1 / _SHARED[w] for w in found)
