"""Short, kind answers to what is beside shopping, and the way back to what the conversation was about."""

from __future__ import annotations

from shopping_assistant.assistant.answers.photo import shown_a_photo
from shopping_assistant.assistant.answers.wording import described

# Three forms of each: the turn's number chooses, so that no answer stands three times in a row.
_ANSWERS: dict[str, tuple[str, ...]] = {
    "danger": (
        "I am so sorry that you feel this way. Please talk to someone you trust now, or to a help line or your local "
        "emergency number: they are there at any hour. I am only a shop's program, but you matter.",
        "That sounds very hard, and I am only a program. Please call your local emergency number or a crisis help "
        "line, or "
        "tell someone you trust, right now.",
    ),
    "sorrow": (
        "I am sorry to hear that.",
        "That sounds hard, I am sorry.",
        "I am really sorry. Take all the time you need.",
    ),
    "how are you": (
        "Very well, thank you for asking! I hope you are, too.",
        "All good here, thanks! I hope your day is going well.",
        "I am a program, so always the same, but thank you for asking!",
    ),
    "the maker": (
        "I am this shop's assistant, a program: no person, and I know its catalogue better than anything else.",
        "You are talking to a program, the assistant of this shop.",
        "I am no human being, only the shop's assistant, a program that knows its clothes.",
    ),
    "fun": (
        "I am better with clothes than with jokes: two socks meet in a tumble dryer, and only one comes out.",
        "My whole repertoire: why did the belt go to prison? It held up a pair of trousers.",
        "Entertaining is not my strong side; dressing people is.",
    ),
    "praise": ("Thank you, that is kind!", "I am glad to hear that!", "Thanks, that makes my day."),
    "rudeness": (
        "Sorry that I have not been more help.",
        "I am sorry, I would like to do better.",
        "Sorry about that. Tell me what went wrong and I will try again.",
    ),
    "the weather": (
        "I cannot see the weather from in here, but I can dress you for it.",
        "I know no forecast; what I have is something for every weather.",
    ),
    "a sum": (
        "I leave sums to a calculator; clothes are what I am good at.",
        "Figures beyond prices are not for me.",
    ),
    "the world": (
        "That is outside my shop, and I would only be guessing.",
        "I only know this shop's products, so I cannot help with that.",
        "That is something I do not know: my world is this shop's catalogue.",
    ),
    "an order": (
        "I cannot see orders or deliveries from here: please look at the shop's order confirmation or ask its customer "
        "service.",
        "Where an order is I cannot tell, I only know the catalogue. The shop's customer service can.",
    ),
    "returns": (
        "How returns and refunds work here I have no data on: please see the shop's terms or ask its customer service.",
        "I know nothing of this shop's return rules, and will not guess: its customer service can tell you.",
    ),
    "shipping": (
        "I have no data on shipping and delivery: please see the shop's terms before you order.",
        "Where and how fast this shop delivers I do not know; its customer service can tell you.",
    ),
    "paying": (
        "I have no data on payment, discounts or vouchers; the checkout will show what there is.",
        "About paying I know nothing beyond the prices of the products.",
    ),
    "the shop": (
        "I only know the shop's products, not its people, hours or accounts; its contact page will have that.",
        "That I cannot look up: please see the shop's contact page.",
    ),
    "orders to a program": (
        "I keep to what I am here for: helping you find something in this shop.",
        "That is nothing I do. I help people choose from this shop's products.",
        "I stay a shop assistant, whatever I am told to be.",
    ),
    "a pasted page": (
        "That is a long text, and I read wishes best in a sentence or two. What are you looking for, in a few words?",
        "I could not read all that. Please say in a short sentence what you are after.",
    ),
    "joy": ("How lovely, congratulations!", "That is wonderful news!", "Oh, how nice!"),
    "browsing": (
        "Of course, take your time. Click on what you like, and I learn your taste.",
        "Have a look around; I am here when you need me.",
    ),
    "wait": ("Take your time.", "No hurry, I am here."),
    "pardon": (
        "Sorry, I was not clear. I look for products of this shop by what you tell me: a piece, a colour, a size, a "
        "budget.",
        "What I meant: tell me in your words what you would like, and I show what this shop has of it.",
    ),
    "complaint": (
        "I am sorry about that. Tell me what you would like to be different, and I will try.",
        "Sorry, I can see that this is annoying. What should I do better?",
    ),
    "a photo": (
        "Of course: choose one with the camera button beside the box, paste it or drop it here, and I look for what "
        "resembles it.",
        "Gladly: the camera button beside the box takes it, and so does dropping or pasting it here.",
    ),
    "a photo, shown": ("Your photo counts already: what looks most like it comes first.",),
    "a photo, unseen": (
        "I cannot look at photos in this shop; please tell me in words what it looks like: the piece, its colour, its "
        "cut.",
        "Photos I cannot see here. Tell me in words what is on it, and I look for that.",
    ),
    "by voice": (
        "If your browser understands speech on this device, there is a microphone button beside the box; what it hears "
        "stands in the box for you to send.",
        "Where a microphone button stands beside the box, yes; without one this browser would send your voice away, so "
        "please type.",
    ),
    "testing": ("I am here and working.", "It works: I can hear you."),
    "not sold": (
        "I am sorry, this shop has no {goods}.",
        "No {goods} here, I am afraid.",
        "Sorry, this shop does not sell {goods}.",
    ),
    "agreed": ("Good.", "All right.", "Fine."),
    "a smile": ("I am smiling back.", "Glad to see you happy!"),
    "a frown": ("Oh. Tell me what is wrong and I will try to do better.", "I am sorry. What can I do better?"),
    "no words": ("I am listening.", "Yes? I am here."),
    "greeting": (
        "Hello! What are you looking for today?",
        "Hi there! Tell me what you have in mind: a piece, a colour, a budget.",
        "Welcome! What may I find for you?",
    ),
    "thanks": (
        "You are welcome!",
        "My pleasure. Come back any time.",
        "Gladly! Your bag is kept for you.",
    ),
}  # fmt: skip
_LANGUAGES = {
    "de": "Entschuldigung, ich verstehe am besten Englisch. Sagen Sie mir zum Beispiel „black boots under 100“, dann "
        "suche ich gern.",
    "fr": "Désolé, je comprends surtout l'anglais. Écrivez par exemple « black boots under 100 » et je cherche "
        "volontiers pour vous.",
    "es": "Lo siento, entiendo mejor el inglés. Escriba por ejemplo «black boots under 100» y con gusto busco para "
        "usted.",
    "it": "Mi dispiace, capisco soprattutto l'inglese. Scriva per esempio «black boots under 100» e cerco volentieri "
        "per lei.",
    "nl": "Sorry, ik begrijp vooral Engels. Schrijf bijvoorbeeld “black boots under 100”, dan zoek ik graag voor u.",
    "pt": "Desculpe, entendo melhor o inglês. Escreva por exemplo “black boots under 100” e procuro com prazer para "
        "você.",
    "ja": "申し訳ありません、英語でお願いします。たとえば「black boots under "
        "100」と入力していただければ、お探しします。",
    "zh": "抱歉，我主要懂英语。请用英语输入，例如“black boots under 100”，我很乐意为您查找。",
    "ko": "죄송합니다. 저는 영어를 가장 잘 이해합니다. 예를 들어 “black boots under 100”이라고 입력해 주시면 찾아 "
        "드리겠습니다.",
    "ru": "Извините, лучше всего я понимаю английский. Напишите, например, «black boots under 100», и я с радостью "
        "поищу.",
    "el": "Συγγνώμη, καταλαβαίνω κυρίως αγγλικά. Γράψτε για παράδειγμα «black boots under 100» και θα ψάξω με χαρά.",
    "ar": "عذرًا، أفهم الإنجليزية أفضل. اكتب مثلًا “black boots under 100” وسأبحث لك بكل سرور.",
    "he": "סליחה, אני מבין בעיקר אנגלית. כתבו למשל “black boots under 100” ואחפש בשמחה.",
    "hi": "क्षमा करें, मैं अंग्रेज़ी सबसे अच्छी तरह समझता हूँ। उदाहरण के लिए “black boots under 100” लिखें, मैं खुशी "
        "से खोजूँगा।",
    "th": "ขออภัย ฉันเข้าใจภาษาอังกฤษดีที่สุด ลองพิมพ์เช่น “black boots under 100” แล้วฉันจะค้นหาให้ด้วยความยินดี",
}  # fmt: skip
# To who thanks in a language of their own.
_WELCOME = {
    "de": "Gern geschehen! Bis bald.", "fr": "Avec plaisir ! À bientôt.", "es": "¡De nada! Hasta pronto.",
    "it": "Prego, a presto!", "nl": "Graag gedaan! Tot ziens.", "pt": "De nada! Até breve.",
}  # fmt: skip
# After these nothing is to be sold.
_NO_WAY_BACK = (
    "danger", "thanks", "greeting", "a pasted page", "another language", "no words", "a frown", "browsing", "wait",
    "pardon", "complaint", "a photo", "by voice",
)  # fmt: skip
_BACK = (
    "Shall we go on with the {what}?",
    "Back to the {what}: what else matters to you?",
    "The {what} are still here; say what I should change.",
)
_BACK_AFRESH = (
    "What may I find for you in the shop?",
    "Tell me what you would like to wear, and I will look for it.",
    "Is there a piece, a colour or a budget I can look for?",
)


def answer(state: dict) -> str:
    """The answer to talk beside shopping.

    Args:
        state: with ``talk``, what was heard (`language.small_talk.Talk` as a dict), and what the conversation is about.
    """
    talk, turn = state["talk"], state.get("turn", 0)
    if talk["kind"] == "thanks" and talk.get("language") in _WELCOME:
        return _WELCOME[talk["language"]]
    if talk["kind"] == "another language":
        return _LANGUAGES.get(talk["language"], "I understand English best, sorry. What are you looking for?")
    options = _ANSWERS[_of_photos(state) if talk["kind"] == "a photo" else talk["kind"]]
    said = options[turn % len(options)].format(goods=talk.get("about", ""))
    if talk["kind"] == "sorrow":
        return f"{said} If something from the shop would help, I am here."
    return said if talk["kind"] in _NO_WAY_BACK else f"{said} {way_back(state)}"


def _of_photos(state: dict) -> str:
    if not state.get("sees_photos"):
        return "a photo, unseen"
    return "a photo, shown" if shown_a_photo(state) else "a photo"


def way_back(state: dict) -> str:
    """One sentence that leads back to what was looked for, or to the shop."""
    turn, wishes = state.get("turn", 0), [w for w in state.get("wishes", []) if w.get("said")]
    if not state.get("shown") or not wishes:
        return _BACK_AFRESH[turn % len(_BACK_AFRESH)]
    return _BACK[turn % len(_BACK)].format(what=described(wishes, state.get("currency")))
