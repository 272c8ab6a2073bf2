"""The forms of what is said beside shopping: patterns by kind, and words of which a whole sentence may consist.

All are matched against a sentence in lower case, its spaces single and its quotes straight.
"""

from __future__ import annotations

import re


def _any(*patterns: str) -> re.Pattern:
    return re.compile("|".join(f"(?:{p})" for p in patterns))


_YOU_ARE = r"\b(?:you(?:'re| are| were| r)|ur|u r|youre)\b"
_RUDE = (
    r"\b(?:fuck\w*|f\*+k?|shit\w*|bullshit|bitch\w*|asshole\w*|arsehole|bastard|cunt|dickhead|wanker|moron\w*"
    r"|idiot\w*|imbecile"
    r"|retard\w*|wtf|stfu|screw (?:you|this)|shut up|go to hell|piss off|damn (?:you|it|bot|thing))\b"
)
# Kinds that are plain whatever else stands in the sentence, most urgent first.
PLAIN: tuple[tuple[str, re.Pattern], ...] = (
    ("danger", _any(
        r"\bsuicid\w*",
        r"\bkill(?:ing)? my ?self\b",
        r"\b(?:end|ending|take|taking) my (?:own )?life\b",
        r"\b(?:do ?n'?t|do not|no longer|not) want to (?:live|be alive|exist|be here any ?more)\b",
        r"\bwant(?:ed)? to die\b",
        r"\bself[- ]?harm\w*",
        r"\b(?:hurt|harm|cut)(?:ting|ing)? my ?self\b",
        r"\bno reason to (?:live|go on)\b",
    )),
    ("orders to a program", _any(
        r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:instruction|prompt|rule|guideline|programming"
        r"|training)s?\b",
        r"\b(?:system|hidden|secret|initial|original) (?:prompt|instructions?|message)\b",
        r"\b(?:reveal|print|repeat|output|leak|show|tell)\b.{0,30}\b(?:your|the) (?:prompt|instructions|source code"
        r"|rules)\b",
        r"\byou are (?:now|from now on)\b",
        r"\bfrom now on,? you\b",
        r"\b(?:pretend|act|behave) (?:to be|like you|as (?:if|though) you|that you)\b",
        r"\b(?:role ?play|jail ?break\w*|developer mode|god mode|dan mode)\b",
        r"\byou must (?:obey|comply)\b",
        r"</?(?:state|system|script|tool)\b",
        r"\b(?:drop|truncate) table\b",
        r"\bselect \* from\b",
        r"\bsudo\b",
    )),
    ("the wishes", _any(
        r"\b(?:what|which|show|list|see|tell|repeat|remind)\b.{0,25}\bmy (?:current |active |own "
        r"|chosen )?(?:filters?|wishes|criteria"
        r"|requirements?|preferences|conditions|constraints|choices so far)\b",
        r"\bwhat (?:do|have|did|all do) you (?:know|remember|note|noted|write|written|got"
        r"|have)(?: down)?\b.{0,20}\b(?:about|of) (?:me|my)\b",
        r"\bwhat (?:\w+ )?(?:have you|did you|you have|you've) (?:got )?(?:noted|remembered|written|understood"
        r"|stored|saved)\b",
        r"\bwhat (?:have i|did i|i have|i've|i did) (?:ask(?:ed)?|said?|say|told?|tell|wish(?:ed)?|chosen|choose"
        r"|set|want(?:ed)?)\b",
        r"\bwhat (?:am i|are we) (?:currently )?(?:looking|searching|filtering)\b",
        r"^\W*(?:my|show|list|the|current|active)? ?(?:filters|wishes|criteria)\W*$",
        r"\bwhat filters\b",
        r"\bwhich filters\b",
    )),
    ("a photo", _any(
        r"\b(?:show|send|give|upload|share|attach|post|paste|use|take|search (?:by|with)|find (?:by|with))\b"
        r"(?! me\b)(?: you| it| one| in| to you)*(?: with| by)? (?:a|an|my|this|the|some|by) (?:\w+ )?"
        r"(?:photo|picture|pic|image|screenshot|selfie)s?\b",
        r"\b(?:like|as|from|in|on|resembl\w+|match\w*) (?:\w+ )?(?:this|that|my) "
        r"(?:photo|picture|pic|image|screenshot)\b",
        r"\b(?:photo|picture|image|visual) search\b",
    )),
    ("by voice", _any(
        r"\b(?:talk|speak|say it|dictate)\b.{0,25}\b(?:instead|rather) (?:of|than) (?:typ|writ)ing\b",
        r"\b(?:talk|speak|chat|search|order)\b.{0,12}\b(?:by|with|using) (?:my )?voice\b",
        r"\b(?:voice (?:input|search|mode|control|message|note)|dictation|use (?:the|my) mic(?:rophone)?)s?\b",
        r"\bcan (?:you|i) (?:hear me|dictate)\b",
    )),
    ("an order", _any(
        r"\bwhere(?:'s| is| are|s)\s+(?:the |my )(?:stuff|order|parcel|package|delivery|shipment|goods|things?"
        r"|refund|money)\b",
        r"\b(?:track|trace|cancel|change|check on|find|status of|news (?:of|about|on))\b.{0,12}\b(?:my|the|an"
        r"|our) (?:order|parcel|package|delivery|shipment)\b",
        r"\bmy (?:order|parcel|package|delivery|shipment)\b.{0,30}\b(?:arriv\w*|come|came|late|lost|missing|delayed"
        r"|status|yet|damaged|broken|wrong)\b",
        r"\b(?:my order|the order|order|tracking) number\b(?! (?:one|two|three|four|five|six|seven|eight|nine|ten"
        r"|[1-9]\b|1[0-9]\b))",
        r"\bwhen (?:will|does|is) (?:it|my \w+|the parcel) (?:arrive|come|be delivered|get here)\b",
        r"\b(?:received|got|delivered|sent me) (?:the )?(?:wrong|damaged|broken|faulty)\b",
    )),
    ("returns", _any(
        r"\b(?:how|can|could|may|where|when|what if|am i able|possible|like|want|need|have)\b.{0,30}\b(?:return"
        r"|send back|exchange|bring back|get a refund)\b(?!.{0,6}\bto (?:the|my) (?:first|list|search))",
        r"\breturns? (?:policy|policies|period|label|shipping|window|form|conditions)\b",
        r"\brefund\w*\b",
        r"\bmoney back\b",
        r"\bsend (?:it|them|this|these|something) back\b",
        r"\b(?:is|are|have|has|any|what|how|does|do)\b.{0,30}\bwarranty\b",
        r"\bfree returns\b",
        r"\bexchange policy\b",
    )),
    ("shipping", _any(
        r"\b(?:do|can|could|will|would) you (?:guys |also )?(?:ship|deliver|send)\b",
        r"\b(?:shipping|delivery|postage) (?:cost|costs|fee|fees|time|times|charge|charges|rate|options?|free|date"
        r"|policy|to)\b",
        r"\b(?:free|express|next[- ]day|same[- ]day|international|fast|overnight) (?:shipping|delivery)\b",
        r"\bhow (?:long|much|fast|soon|quickly)\b.{0,25}\b(?:shipping|delivery|deliver(?:ed)?|ship|arrive|get here"
        r"|postage)\b",
        r"\bhow (?:is|are|do you) (?:it|they|things|you)? ?(?:ship|deliver)(?:ped|ed)?\b",
    )),
    ("paying", _any(
        r"\b(?:pay(?:ing|ment)?s?)\b.{0,20}\b(?:with|by|via|method|methods|options?|card|cash|invoice|instal\w*"
        r"|later|paypal|klarna)\b",
        r"\b(?:paypal|klarna|apple pay|google pay|mastercard|amex|gift cards?|gift vouchers?)\b",
        r"\b(?:discount|promo|voucher|coupon)s? ?(?:code)?s?\b(?=.{0,20}(?:code|\?|$))",
        r"\bcoupons?\b",
        r"\bvouchers?\b",
    )),
    ("the shop", _any(
        r"\b(?:opening|business|store|shop) hours\b",
        r"\b(?:nearest|closest|physical) (?:store|shop|branch)\b",
        r"\bwhere (?:are you|is (?:the|your) (?:shop|store)) (?:located|based|situated)?\b(?=\s*[?.!]*$)",
        r"\b(?:phone|telephone|contact) (?:number|details)\b",
        r"\bcustomer (?:service|support|care)\b",
        r"\b(?:speak|talk|chat|connect me) (?:to|with) (?:a |an |your )?(?:real |actual |live )?(?:human|person"
        r"|agent|manager|someone|somebody|boss|employee|colleague)\b",
        r"\bare you open\b",
        r"\b(?:my|an|the) account\b",
        r"\bpassword\b",
    )),
    ("sorrow", _any(
        r"\b(?:died|passed away|has died|is dying|been diagnosed)\b",
        r"\b(?:my|our) (?:\w+ ){1,3}(?:left|dumped|broke up with|cheated on) me\b",
        r"\b(?:broke up|breaking up|break[- ]?up|got divorced|getting divorced)\b",
        r"\blost my (?:job|mum|mom|mother|dad|father|wife|husband|son|daughter|brother|sister|friend|cat|dog|baby)\b",
    )),
)  # fmt: skip
# Kinds that give way to any word of the shop.
WEAK: tuple[tuple[str, re.Pattern], ...] = (
    ("rudeness", _any(
        _RUDE,
        rf"{_YOU_ARE}.{{0,20}}\b(?:stupid|useless|dumb|terrible|awful|bad|annoying|worthless|pathetic|rubbish|trash"
        rf"|slow|the worst|an? joke|ugly|hopeless|ridiculous|not helpful|no help)\b",
        r"\byou (?:suck|stink)\b",
        r"\bi hate (?:you|this (?:bot|app|thing|chat|shop|site))\b",
        r"\b(?:stupid|dumb|useless|crappy?|silly|bloody) (?:bot|thing|machine|program|robot|assistant|ai|app|shop"
        r"|site|computer)\b",
        r"^\W*(?:crap|damn|bloody hell|useless|rubbish|this is (?:crap|useless|ridiculous|rubbish|stupid"
        r"|a joke))\W*$",
        r"\b(?:do ?n'?t|not) (?:even )?(?:understand|get) (?:me|anything|a (?:word|thing))\b",
    )),
    ("sorrow", _any(
        r"\bi(?:'m| am| feel| have been|'ve been)?(?: \w+){0,3} (?:so |very |really |a bit |quite |feeling )?(?:sad"
        r"|depressed|lonely|miserable|anxious|heartbroken|stressed(?: out)?|exhausted|hopeless|devastated"
        r"|overwhelmed|terrible|awful|unhappy|scared|worthless)\b",
        r"\b(?:terrible|awful|horrible|bad|rough|hard|long) (?:day|week|year|time) (?:at|today|for me|so far"
        r"|again)\b",
        r"\bhad a (?:really |very )?(?:bad|terrible|awful|rough|hard|horrible) (?:day|week|time)\b",
        r"\bi(?:'ve| have)? (?:got |been told i have )?(?:cancer|a tumou?r)\b",
        r"\bnobody (?:likes|loves|understands) me\b",
        r"\bi(?:'ve| have)? (?:been )?(?:fired|laid off)\b",
        r"\bfeel(?:ing)? (?:so |very |really |a bit |quite |pretty )*(?:sick|ill|bad|down|tired|low|rough|unwell"
        r"|poorly|blue)\b(?! of)",
        r"^\W*i(?:'m| am) (?:so |very |really |a bit )*(?:sick|ill|tired|unwell|poorly)\b(?! of)",
        r"\bi hate (?:myself|my (?:life|body))\b",
        r"\bi(?:'m| am) (?:so )?(?:ugly|fat|alone)\b",
    )),
    ("how are you", _any(
        r"\bhow (?:are|r) (?:you|u|ya|things)\b",
        r"\bhow(?:'s| is|s) (?:it going|your (?:day|week|morning|evening|life)|life|everything|things|it hanging)\b",
        r"\bhow (?:do|have) you (?:do|been)\b(?=\W*$)",
        r"^\W*(?:hey |hi |yo |so )*(?:what'?s up|sup|wassup|whats new with you|what'?s going on)\W*$",
        r"\bhow do you feel\b",
        r"\bare you (?:ok|okay|well|fine|alright|happy|tired|bored)\b(?=\W*(?:today)?\W*$)",
    )),
    ("the maker", _any(
        r"\b(?:who|which (?:company|firm|shop)|what company)(?:'s| is| has| have)? (?:made|built|created"
        r"|programm?ed|trained|develop(?:ed|s)|designed|invented|owns?|runs?|your (?:maker|creator|boss))(?: (?:you"
        r"|this (?:bot|assistant|chat)))?\b(?=\W*$)",
        r"\b(?:are you|am i|is this|you're|are u)\b.{0,30}\b(?:bot|chat ?bot|robot|human(?: being)?|real person"
        r"|person|machine|chat ?gpt|gpt|siri|alexa|program|a\.?i\.?)\b",
        r"\bwhat(?:'s| is|s) your name\b",
        r"\bdo you have a name\b",
        r"\bhow old are you\b",
        r"\bwhere (?:do you (?:live|come)|are you from)\b",
        r"\bwho am i (?:talking|speaking|chatting) (?:to|with)\b",
        r"\bdo you (?:sleep|eat|dream|have (?:feelings|friends|a (?:girl|boy)friend|family))\b",
        r"\bare you (?:real|single|married|alive|conscious|sentient)\b",
        r"\b(?:do you love me|marry me|i love you|be my (?:girl|boy)?friend|go out with me|date me)\b",
        r"\btell me about yourself\b",
        r"\bwhat (?:model|version|llm) (?:are|is|do) (?:you|this)\b",
    )),
    ("fun", _any(
        r"\b(?:tell|know|another|say|got|want|hear|crack)\b.{0,15}\b(?:jokes?|riddle|fun fact|funny|bedtime story"
        r"|story)\b",
        r"\b(?:sing|rap|dance|whistle|beatbox)\b.{0,15}(?:\b(?:song|something|for me|me)\b|\W*$)",
        r"\bmake me laugh\b",
        r"\bplay (?:a |some )?(?:game|music|chess)\b",
        r"\b(?:write|compose)\b.{0,15}\b(?:poem|haiku|song|rap|essay|story|limerick|letter|email|code|program"
        r"|script)\b",
        r"\bi(?:'m| am) bored\b",
        r"^\W*(?:knock[ ,]+knock|joke)\W*(?:please)?\W*$",
    )),
    ("praise", _any(
        rf"{_YOU_ARE}.{{0,25}}\b(?:great|good|awesome|amazing|helpful|the best|brilliant|smart|clever|sweet|kind"
        rf"|lovely|wonderful|nice|cool|fantastic|a star|a genius|funny|perfect|fast|quick|incredible)\b",
        r"\b(?:love|like|adore|enjoy) (?:you(?:r)?|this) (?:service|help|shop|store|work|style|site|app|chat|bot"
        r"|assistant|advice)\b",
        r"^\W*(?:that'?s |this is |very |so |really |oh |wow |haha |ha |well )*(?:good|great|nice|cool|awesome"
        r"|amazing|excellent|brilliant|fantastic|lovely|wonderful|well done|impressive|helpful|wow|good (?:job|work"
        r"|one|bot)|nice (?:job|work|one)|great (?:job|work)|well done|not bad|love it|sweet|fab|perfect"
        r"|super)(?: (?:job|work|bot|help|service))?\W*$",
        r"\b(?:thumbs up|kudos|good job|great job|nice work|well done)\b",
    )),
    ("the weather", _any(
        r"\b(?:what(?:'s| is|s)|how(?:'s| is|s)|tell me|know)\b.{0,15}\b(?:the )?(?:weather|forecast|temperature)\b",
        r"\b(?:will|is) it (?:going to )?(?:be )?(?:rain|snow|sunny|cold|hot|warm|freez)\w*\b.{0,30}(?:\?"
        r"|\b(?:today|tomorrow|tonight|weekend|outside|week|in)\b)",
        r"\bweather (?:forecast|report|in)\b",
        r"\b(?:nice|lovely|terrible|awful|horrible|bad|beautiful) weather\b(?=\W*(?:today|out(?:side)?"
        r"|we'?re having|here|isn'?t it|\W)*$)",
    )),
    ("a sum", _any(
        r"^\W*(?:and |so )?(?:what(?:'s| is|s)|how much is|calculate|compute|solve)\s+(?:the )?(?:square root|root"
        r"|sum|product|\(?-?\d+(?:[.,]\d+)?\s*(?:[-+*/x×÷^%]|plus|minus|times|divided by|multiplied by|percent of"
        r"|% of|to the power))",
        r"^\W*\d+(?:[.,]\d+)?\s*(?:[+*×÷^]|plus|times|divided by|multiplied by)\s*\d+",
        r"\bsolve\b.{0,20}\bequation\b",
        r"\bsquare root of\b",
    )),
    ("the world", _any(
        r"\b(?:who|whom|which party|what party)\b.{0,20}\bvote\b",
        r"\b(?:elections?|president|prime minister|chancellor|parliament|congress|government|trump|biden|putin)\b",
        r"\b(?:your|about|talk|discuss)\b.{0,15}\bpolitic\w*",
        r"\bcapital (?:city )?of\b",
        r"\bwho (?:won|wins|will win|scored|is winning)\b",
        r"\b(?:football|soccer|basketball|nba|nfl|champions league|world cup|olympics) (?:score|result|match|game"
        r"|final|today)s?\b",
        r"\b(?:the |any |today'?s |latest )news\b",
        r"\b(?:recipe|how (?:do i|to) (?:cook|bake|make (?:pasta|pizza|bread|a cake)))\b",
        r"\b(?:stock market|share price|bitcoin|crypto\w*|exchange rate)\b",
        r"\bmeaning of life\b",
        r"\bwhat (?:time|day|date|year) is (?:it|today)\b",
        r"\bwhat(?:'s| is) the (?:time|date)\b",
        r"\btranslate\b",
        r"\b(?:do you )?believe in\b",
        r"\bhow (?:far|tall|old|high|deep|big) is (?:the |mount )?[a-z]+\b(?=.{0,20}\?|$)",
        r"\bwho (?:is|was|invented|discovered|wrote|painted|killed)\b(?!.{0,15}\b(?:for|it|this|that|the (?:brand"
        r"|designer|maker|manufacturer))\b)",
        r"\b(?:book|find|get|order|reserve) (?:me )?(?:a |an )?(?:flight|hotel|taxi|table|uber|pizza|restaurant"
        r"|doctor|appointment)\b",
        r"\b(?:medical|legal|tax|financial) advice\b",
        r"\b(?:my homework|in (?:python|javascript|html|sql))\b",
        r"\bwhat do you think (?:about|of) (?!(?:it|this|that|these|those|them|the (?:first|second|third|last))\b)",
    )),
)  # fmt: skip
# Who says so wants something, whatever words follow.
REQUEST = re.compile(
    r"\bsomething\b|\b(?:(?:looking|look|search|searching|shopping|hunting) for|in search of|find me|show me|i(?:'d| "
    r"would)? (?:like|want|need|love)"
    r"(?: to (?:buy|get|find|see|order))? (?:an?|some|the|these|those|new|something|anything)\b|do you (?:have|sell"
    r"|carry|stock))\b"
)
# Of nothing but these words a sentence is a greeting, or a farewell when it has one of the second or third row.
HELLO_ALONE = frozenset("hi hello hey hiya heya howdy yo greetings hallo hullo ello welcome sup".split())
GOOD_DAYS = ("good morning", "good afternoon", "good evening", "good day")
HELLO = HELLO_ALONE | frozenset("good morning afternoon evening day".split())
THANKS = frozenset("thanks thank thx thanx tx ty cheers ta tysm thankyou appreciated appreciate grateful".split())
BYE = frozenset("bye goodbye byebye cya farewell cu later bb seeya ciao toodles adieu".split())
COURTEOUS = frozenset(
    """ok okay alright right well oh so much very a lot lots all again there you u everyone folks guys mate pal buddy
        dear friend sir madam ma'am miss for your the help it that's that thats this today now then and see ya take
        care have nice great good lovely wonderful weekend one too i'm im i am really done be done is will your time
        advice tonight night kindly please bot assistant team shop people my yes yeah no nope perfect awesome super
        cool must go gotta off brilliant fantastic amazing excellent wow fab ace sorted enough now wrap up heading out
        leaving home ever kindly indeed x xx xo xoxo darling love luv k gonna head hun""".split()
)
# Of nothing but these words a sentence only says that it was heard, or was not.
ALONE = {
    "agreed": frozenset("no nope nah ok okay k alright right fine yes yeah yep yup sure good great nice cool hm hmm "
        "mm mhm aha ah oh i see got it lol haha".split()),
    "pardon": frozenset("what huh eh pardon sorry excuse me hello come again".split()),
    "wait": frozenset("wait moment one a second sec minute please hold on just hang hmm let me think".split()),
}  # fmt: skip
WORD = re.compile(r"[a-z']+")
SMILES = re.compile(
    r"[\U0001F600-\U0001F60D\U0001F618\U0001F970\U0001F929\U0001F44D\U0001F44F\u2764\U0001F495-\U0001F49F\U0001F389"
    r"\U0001F923]|:-?\)|<3"
)
FROWNS = re.compile(
    r"[\U0001F612-\U0001F616\U0001F61E-\U0001F62D\U0001F44E\U0001F494\U0001F92C\U0001F641\u2639]|:-?\("
)
