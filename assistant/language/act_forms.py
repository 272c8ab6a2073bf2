"""How acts are said: the forms of words that `acts` decides by. Lower case; a clause at a time."""

from __future__ import annotations

import re

_BAG = r"(?:bag|cart|basket|trolley|order|tab|purchases)"
_MY_BAG = rf"(?:my|the|that|our)?\s*(?:shopping\s+)?{_BAG}s?\b"
_SOFT = r"(?:just |also |really |actually |even |rather |maybe |definitely |probably |gladly )*"
# What is pointed at, or a share of it: "the black one", "those two", "two of them", "another of those".
_DEFINITE = (
    r"(?:(?:me |us |myself |you )?(?:(?:a|one|another|one more|two|three|four|five|\d+|a second|a third|a few"
    r"|a couple|both|each|all|some|a pair)"
    r"(?: more)? of (?:the|those|these|them|that|this|it|each|both|my)|the|that|this|these|those|it|them|both"
    r"|one(?: of)?\b(?! (?:in|with|that"
    r"|like|for|as|which|under|from|by)\b)|another\b(?! (?:\w+ )?(?:colou?r|size|brand|style|option|choice))"
    r"|all (?:of )?(?:them|these|those)"
    r"|number \d+|#\d+|my)(?!\w))"
)
_PUT = r"(?:add|put|throw|toss|place|stick|pop|include|drop|chuck|slip|move|stash|bag)"
_GET = r"(?:take|buy|purchase|get|order|have|grab|go with|go for|keep)"

PUT_INTO_BAG = re.compile(
    rf"\b{_PUT}(?:ped|ped|ed)?\b.*\b(?:in|into|to|on)\s+{_MY_BAG}"
    rf"|(?<!\bdo )(?<!\bdid )\b(?:i|we)(?:'d| would|'ll| will)?\s+{_SOFT}(?:want|like|love|need|take|have"
    rf"|get)\b.*\b(?:in|into|to)\s+(?:my|the|our)\s*(?:shopping\s+)?{_BAG}s?\b"
    r"|^\W*(?:(?:yes|yeah|yep|ok(?:ay)?|great|perfect|and|so|good|brilliant|lovely)\W+)*(?:please\W+)?(?:both|the"
    r"|those|these|that|this|it|number|first|second|third|fourth|fifth|last)\b(?!.*\?).*\b(?:in|into|to)\s+(?:my"
    rf"|the)\s*(?:shopping\s+)?{_BAG}\W*(?:please|then|thanks|thank you|cheers|now)?\W*(?:please|cheers|thanks)?\W*$"
    r"|\b(?:add|bag|include)\s+(?:it|this|that|those|these|them|both|another|the)\b(?!.*\b(?:filter|condition|search"
    r"|colou?r|should)\b)"
    r"|\b(?:also|please|can you|could you|will you|would you)\s+(?:also\s+)?add\b(?!.*\b(?:filter|condition|search"
    r"|should)\b)"
)
_RESOLVED = (
    r"(?:'?ll(?: have to| need to| be)?| will(?: have to| need to| be)?|'d (?:like|love|prefer) to| would (?:like"
    r"|love|prefer) to|'d| would| want to| wanna| am going to|'m going to|'m gonna| gonna"
    r"|'m ready to| am ready to|'m happy to| need to| have to| must| have got to|'ve got to|'m interested in"
    r"| am interested in|'ve decided (?:on|to)| decided (?:on|to)| shall| can| could| think i'?ll| guess i'?ll)"
)
TAKE = re.compile(
    rf"(?:\b(?:i|we)\b{_RESOLVED}|\b(?:let me|let's|let us))\s+{_SOFT}(?:{_GET}|buying|getting|taking|ordering"
    rf"|purchasing|having|going with|going for|do(?= (?:those|these|that|both|the two)))\s+(?P<what>.*)"
)
TAKE_PLAINLY = re.compile(
    r"(?:^|\b(?:ok(?:ay)?|yes|yeah|yep|great|please|perfect|sold|done|good|lovely|cool|alright|and"
    rf"|then)[,!.]?\s+)(?:i\s+)?{_SOFT}(?:buy|order|purchase|take|grab|get|throw in|toss in|chuck in|pop in|ring up"
    rf"|wrap up)\s+(?P<what>.*)"
    rf"|\b(?:go ahead and|please|can you|could you|would you)\s+{_SOFT}(?:get|grab|buy|order|ring up|wrap up"
    rf"|set aside|reserve|put me down for|throw in|toss in|pack(?: up)?|hold)\s+(?:me\s+)?(?P<what2>.*)"
    rf"|\b(?:can|could|may|might) i\s+{_SOFT}(?:got|get|buy|take|have|purchase|order|grab)\s+(?P<what3>.*)"
    rf"|\b(?:i|we)\b(?:'ll| will)?\s*{_SOFT}(?:want|need|take|choose|'d like|would like|'d love|would love|'d prefer"
    rf"|would prefer|could use|be needing)\s+(?:to (?:get|buy|have|order|take) )?(?P<what4>.*)"
    r"|\b(?:give|get|grab|hand|bring) me\s+(?P<what5>.*)"
)
SOLD = re.compile(r"^\W*sold\b")
# "That one I'll have."
TAKE_BEFORE = re.compile(
    r"\b(?:that|this|those|these|it|one|ones|both|them|pair)\b[\w ,]{0,20}?\b(?:i'?ll|i will|i'd like to|i want to"
    r"|let me|i'm going to|i would)\s+(?:just |gladly )?(?:take|have|buy|get|go with|go for)\W*$"
)
DEFINITE = re.compile(rf"^\s*{_DEFINITE}")
ORDINAL_FIRST = re.compile(r"^\s*(?:number|no\.?|nr\.?|#)\s*\d+|^\s*(?:both|either)\b")
# A share of what was named, with nothing asked: "one more of each please".
SHARE = re.compile(
    r"^\W*(?:and |also |ok(?:ay)? |please |plus )*(?:.*,\s*)?(?:one more|another|two|three|four|a second|a third"
    r"|a couple|both|\d)\s+(?:more )?of (?:each|those|these|them|the|that|it)\b"
)
# "Consideration", "a look": nothing that goes into a bag.
NOT_TAKEN = re.compile(
    r"\b(?:take|taking|get|have|keep)\s+(?:\w+\s+){0,4}?(?:(?:into|under|in) (?:consideration|account|mind)|a (?:look"
    r"|peek|gander|closer look|chance|break|minute|moment)|look at|note|too long"
    r"|a while|my time|in mind|care|back|better idea|sense|feel|details?|info(?:rmation)?|rid)\b|\bgo back\b"
    r"|\btake long\b"
)
# Not the thing itself but something about it: "can I get the brand".
ABOUT_IT = re.compile(
    r"^\s*(?:me\s+)?(?:the |its |their |some |your |that |an? )?(?:\w+ ){0,2}?(?:same|cheapest|most|other|opinion"
    r"|advice|help|difference|details?|info(?:rmation)?|idea|link|name|recommendation|recommendations|suggestions?"
    r"|thoughts?)\b"
)
# "Get my wife something nice" looks for it.
GIFT = re.compile(
    r"\b(?:get|buy|find|have|take|order|give) (?:my|our|his|her) (?:\w+ ){1,3}?(?:an?|some|something|anything|new)\b"
)
AND_THAT = re.compile(
    r"^\s*(?:and|also|plus|oh and)\b.*\b(?:the|that|this|these|those|both|number \w+|no\.? ?\d+|#\d+|first|second"
    r"|third|fourth|fifth|last)\b|\b(?:the|that|this|these|those) .*\b(?:too|as well)\W*$"
)
INSTEAD = re.compile(r"\binstead\b")

REMOVE = re.compile(
    r"\b(?:remove|take|delete|drop|throw|get rid of|toss|kick|ditch|lose|clear)\b.*\b(?:from|out of|off)\s+(?:my|the"
    rf"|our)?\s*(?:shopping\s+)?{_BAG}\b"
    rf"|\b(?:remove|delete|get rid of|ditch|lose|don'?t want)\b.*\bin\s+(?:my|the|our)\s*(?:shopping\s+)?{_BAG}\b"
    rf"|\bempty\s+(?:my|the)\s+{_BAG}\b"
    r"|\b(?:remove|delete|take out|put back)\s+(?:it|that|this|them|those|these|the (?:first|second|third|last|fourth"
    r"|fifth|other))\b"
    r"|\b(?:take|put)\s+(?:one|two|both|all|some)(?: of (?:it|them|those|these|the \w+))?\s+(?:back )?(?:out|back)\b"
    r"|\b(?:take|put)\s+(?:it|that|this|them|those|these|the [\w ]{1,30}?)\s+(?:back )?(?:out"
    r"|back)\b(?! of (?:the )?(?:consideration|list))"
)
SHOW_BAG = re.compile(
    r"\b(?:my|the) total\b|\bhow much (?:do i owe|altogether|is everything|in total|is it all|for everything)\b"
    r"|\bin total\b"
    r"|\b(?:what(?:'s| is| do i have| have i got| did i put| are)?(?: currently| now)?|show(?: me)?|see|view|open"
    rf"|check|list|look at|how many(?: \w+)*|how much is)"
    r"(?: (?:in|all|everything|the (?:things|items|content|contents)))*(?: (?:in|of|inside))? (?:my"
    rf"|the)\s+(?:shopping\s+)?{_BAG}\b"
    rf"|\bwhat(?:'s| is)? in (?:it|my {_BAG})(?: now)?\W*$"
    r"|^(?:my\s+)?(?:bag|cart|basket)\W*$|^\W*(?:(?:i am|i'm) ready to |(?:let's|let me|i want to|please|go to"
    r"|proceed to) )*check ?out\W*$"
)
RESET = re.compile(
    r"\b(?:start (?:over|again|afresh|from scratch|fresh|anew)|new search|reset|clear (?:everything|all|the filters?"
    r"|my filters?)|forget (?:everything|it all|all (?:of )?(?:that|this)|all)"
    r"|begin again|from the beginning|from scratch|scratch everything)\b(?! (?:you|i|we)\b)"
)
_COUNT = r"(?:two|three|four|five|six|seven|eight|nine|ten|\d{1,2})"
_BEFORE_UNDO = (
    r"^\W*(?:(?:please|hm+|no|nope|actually|oh|ok(?:ay)?|sorry|wait|well|and|now|(?:can|could|would|will) you|let'?s"
    r"|let me|i want to|i'd like to)\W+)*"
)
UNDO_LAST = re.compile(
    rf"{_BEFORE_UNDO}(?:(?:undo|revert|take back)(?: (?:the|my) last(?: (?P<last>{_COUNT}))?(?: \w+)?| (?P<both>both)"
    r"|(?: (?:that|it|this|them|these|those))?)"
    rf"|(?:go|take me) back(?: (?:(?P<steps>{_COUNT})|one|a) (?:more )?steps?)?"
    rf"|(?:(?P<back>{_COUNT})|one|a) (?:more )?steps? back|scrap (?:that|this|it)|take (?:that|it|this) back"
    r"|scratch that|cancel that|as before|never ?mind(?: that)?|forget (?:that|it)"
    r"|(?:go )?back to (?:what|how) (?:it|that) was)"
    rf"(?: (?:(?P<times>{_COUNT}) times|(?P<twice>twice)|(?P<thrice>thrice)|once|again))?"
    r"(?:\W+(?:please|one|last one))?\W*$"
)
# "Undo that, and rather in blue": what follows is a wish of its own.
UNDO_FIRST = re.compile(
    rf"{_BEFORE_UNDO}(?:undo(?: (?:that|it|this|the last (?:\w+)))?|go back (?:one|a) step)"
    r"(?:\s*,\s*(?:(?:and|but|then)\s+)?|\s+(?:and|but|then)\s+)(?=\w)"
)
REDO = re.compile(
    rf"{_BEFORE_UNDO}(?:redo(?: (?:that|it|this|the last (?:one|step|change|thing)))?|undo (?:the|my|that) undo"
    r"|(?:go )?(?:one|a) step forward|go forward(?: (?:one|a) step)?)(?:\W+(?:please|again|after all))*\W*$"
)
# Only where something was taken back: else it is a product that comes back.
BRING_BACK = re.compile(
    rf"{_BEFORE_UNDO}(?:bring|put|get|give me) (?:that|it|this|them) back(?:\W+(?:please|in|again|after all))*\W*$"
)
_WISH_NOUN = r"(?:limit|filter|requirement|restriction|constraint|thing|part|preference|wish|condition)"
FORGET = re.compile(
    r"\b(?:forget|never ?mind|ignore|disregard|drop|lift|scratch|scrap|ditch|skip|remove|undo|don'?t worry about"
    r"|no longer need"
    r"|take back|get rid of|lose|don'?t care about|do not care about)\s+"
    rf"(?:about\s+)?(?:the|that|my|what i said about)?\s*(?P<what>[\w' -]{{3,40}}?)(?=\s*{_WISH_NOUN}?\s*(?:[,.;!?]|$"
    rf"|\b(?:and|but|please|show|then|now|again)\b))"
    r"|\bany\s+(?P<what2>[\w -]{3,20}?)\s+(?:is|are|will|would|works?|goes)\b"
    r"|\b(?:(?:the|its)\s+)?(?P<what3>[\w -]{3,20}?)\s+(?:does ?n[o']?t matter|do ?n[o']?t matter|is(?: not"
    r"|n't) important|is irrelevant|no longer matters|is not important)\b"
    r"|\bno matter (?:what |which |the )*(?P<what4>[\w -]{3,20}?)\W*$"
)
DO_NOT_MIND = re.compile(r"\b(?:don'?t mind|do not mind|ok(?:ay)? with|fine with)\s+(?:a |the |some )?$")

GREET = re.compile(
    r"^\s*(?:hi|hello|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day))(?:\s+(?:there|again|everyone"
    r"|all))?[\s,.!?]*"
    r"(?:how are you(?: doing)?(?: today)?[\s?!.]*)?$"
)
THANKS = re.compile(
    r"^\s*(?:(?:ok(?:ay)?|great|perfect|awesome|wonderful|cool|no|nope|good|lovely|brilliant"
    r"|super),?\s+)*(?:that'?s (?:all|it|everything)(?: (?:i|we) (?:need|needed|want|wanted)"
    r"| from me)?[\s,.!]*(?:for (?:now|today))?"
    r"|(?:many\s+)?thank(?:s| you)(?: so much| very much| a lot| for (?:your|the|all).*)?|cheers|bye|goodbye|see you"
    r"|have a (?:nice|good|great).*)[\s,.!]*"
    r"(?:(?:bye|goodbye|thank(?:s| you)|that'?s all|that'?s it|for (?:your|the|all) .*|see you.*)[\s,.!]*)*$"
)
HELP = re.compile(
    r"^\s*(?:help|please help|help me)[\s.!?]*$|\bwhat can you do\b|\bhow (?:does (?:this|it) work|do i use"
    r"|can you help)\b|\bwho are you\b|\bwhat are you\b"
    r"|\bare you (?:a |an )?(?:bot|human|robot|real|ai)\b"
)
EXPLAIN = re.compile(
    r"\bwhy\b(?!\s+(?:not|don't)\b)(?!.*\b(?:expensive|cheap|costs?|dear|pricey|price"
    r"|sold out)\b).*\b(?:recommend|suggest|show|pick|chose|choose|this|these|that|those|it|them"
    r"|first|second|one)\b|\bexplain\b"
    r"|\bhow (?:did|come) you (?:chose|choose|pick(?:ed)?|find|found|showed|suggested|come up with|get to|arrive at)\b"
    r"|\bwhat made you (?:choose|pick|show|suggest|recommend|think of)\b|\bwhat makes you (?:think"
    r"|say|recommend|suggest)\b"
)
_OWN_WARDROBE = r"\bmy (?:\w+ ){0,3}?(?:wardrobe|closet|style|clothes|clothing|outfits?|taste|look|aesthetic|vibe)\b"
# It is to suit what the shopper has or likes, which nobody here has seen: that is advice on what to buy.
FOR_MY_WARDROBE = re.compile(
    r"\b(?:match(?:es|ing)?|go(?:es)?|suit(?:s)?|fit(?:s)?|work(?:s)?|look(?:s)?|complement(?:s)?"
    rf"|pair(?:s)?)\b.*{_OWN_WARDROBE}|\b(?:for|in) {_OWN_WARDROBE[2:]}"
)
OUTFIT = re.compile(
    r"\b(?:what|which) (?:(?:other|kind of|sort of|else) ?)*(?:[\w-]+ ){0,3}?(?:goes?|go|would go|could go|will go"
    r"|fits?|match(?:es)?|pairs?|works?|would (?:work|match|pair|fit|suit|look)|looks?) "
    r"(?:well |best |good |great |nicely |nice )*with\b"
    r"|\b(?:complete|finish|build|create|put together|make|style)\s+(?:me\s+)?(?:the|an|my|this"
    r"|a)\s+(?:whole\s+)?(?:look|outfit)\b"
    r"|\b(?:what|which) (?:else )?(?:[\w-]+ ){0,3}?(?:would|could|should|can|do|does|shall|might|to)?\s*(?:i |you "
    r"|one |we )?(?:best )?(?:go|goes|wear|combine|pair|match|style|team|put on)\b.*\bwith\b"
    r"|\bto (?:go|wear|pair|match|combine)(?: well)?(?: it| them| that)? with (?:it|this|that|them|these|those|the)\b"
    r"|\bgo(?:es)? (?:well |nicely )?with (?:it|this|that|them|these|those|the (?:first|second|third|fourth|fifth"
    r"|last))\b"
    r"|\bwhat (?:else |other \w+ )?(?:would|could|will|might|should|can) (?:i )?(?:match|complement|suit|go with"
    r"|pair with) (?:the|this|that|it|them|these|those|number)\b"
    r"|\b(?:what|which)\b.*\b(?:should|could|would|can|do|does|shall) (?:i|he|she|you|one|people)\b (?:\w+ )?(?:wear"
    r"|pair|combine|match)\b.*\bwith\b"
    r"|\b(?:buy|bought|get|wear|worn|order|ordered)\b.*\b(?:along|together) with\b|\busually (?:bought|worn) with\b"
    r"|\bput together (?:an?|the|my) (?:\w+ )?(?:outfit|look)\b"
    r"|\bmatching (?:accessories|items|pieces)\b|\bhow (?:would|should|could|can|do) (?:i|you) (?:style|combine|wear)\b"
)
# "I love the green ones", "those look nice": praise of what is shown.
PRAISE = re.compile(
    r"(?<!not )\b(?:look|looks|looking|are|is|'s|'re|seem|seems)\b (?:\w+ ){0,2}?(?:nice|lovely|great|good|pretty"
    r"|beautiful"
    r"|gorgeous|cute|cool|stunning|perfect|best|fab|fabulous|amazing|sweet|elegant|smart)\b"
    r"|\bi (?:really |do |quite |rather |just |also )*(?:like|love|adore|fancy)\b"
)
AGREES = re.compile(
    r"^(?=.*\b(?:yes|yeah|yep|yup|sure|please|go ahead|go on|do (?:that|it)|of course|absolutely|definitely|why not"
    r"|bag)\b)"
    r"\W*(?:(?:yes|yeah|yep|yup|sure|ok(?:ay)?|please|alright|all right|go ahead|go on|do|do that|do it|fine|of course"
    r"|absolutely|definitely|why not|that would be (?:great|nice|fine|good|lovely)|sounds good|then|the bag will do"
    r"|the bag is fine|thanks|thank you)\W*)+$"
)
# "Which of these comes in a 45?" is answered product by product.
WHICH_OF_THESE = re.compile(r"^\W*(?:(?:and|so|ok(?:ay)?|but)\W+)*which (?:ones? )?of (?:these|those|them)\b")
TO_GO_WITH_IT = re.compile(
    r"\b(?:to|that) (?:go(?:es)?|wear|pair|match|combine)(?: well)? with (?:it|this|that|them|these|those)\b"
)
# "Shoes to match", "a bag that goes with the dress", "matching belts": of another kind than what they are to match.
TO_MATCH = re.compile(
    r"\b(?:to|that|which)(?: would| will| could|'d|'ll)? (?:match(?:es)?|complement|go(?:es)? together)"
    r"(?: (?:it|them|this|that|these|those|both|(?:the|that|this|my) (?!brand|price|size|colou?r|rating|pattern)\w+"
    r"(?: \w+)?))?(?=\W*(?:$|[,.;!?]|(?:and|or|but|please|in|under|for|then|too|though|without|with|nothing|not)\b))"
    r"|\bmatching (?!the\b|that\b|those\b|these\b|brand|price|size|colou?r|rating|pattern|set\b|my\b)\w+"
)
SIZE_ADVICE = re.compile(
    r"\b(?:which|what) size (?:should|would|do|shall|must|will|could|can|might) (?:i|you|he|she|we"
    r"|they)\b(?!.*\b(?:have|carry|stock|sell|offer)\b)"
    r"|\b(?:which|what) size\b[^.?!]{0,40}\b(?:fits?|best|(?:is|be|are) (?:the )?right|right for|suits?|good for"
    r"|recommend|suggest|advise|order|get|take|need|buy|choose|pick|go for)\b"
    r"|\b(?:which|what) size (?:in|for|of) (?:the|this|that|these|those|number|it|them)\b"
    r"|\b(?:x{0,3}[sl]|m|w?\d{2}) or (?:an? )?(?:x{0,3}[sl]|m|w?\d{2}) (?:in|for|on) (?:the \w+(?: one)?|it|this|that"
    r"|these|those|number \d+)\b"
    r"|\b(?:run|runs|running|fit|fits|come up|comes up|turn out) (?:\w+ )?(?:small|large|big|true|narrow|wide|tight"
    r"|loose)\b"
    r"|(?<!\bthat )(?<!\bwhich )\b(?:will|would|might) (?!i\b|you\b)(?:\w+'?\w* ){1,6}fit\b(?=\s*(?:me|him|her|us"
    r"|my \w+|well|in\b|on\b|[?.!,]|$))"
    r"|\bdo(?:es)? (?:it|this|that|they|these|those|the \w+(?: \w+)?|number \d+|an? \w+) fit (?:me|him|her|well)\b"
    r"|\bwill (?:it|this|that|they|these|the \w+(?: \w+)?) fit\b"
    r"|\bhow (?:do|does|would|will) (?:it|this|that|they|these|those|the \w+(?: \w+)?) fit\b(?! in\b)"
    r"|\b(?:would|will|is|are|might)\b[^.?!]{0,30}\btoo (?:small|tight|big|large|loose)\b"
    r"|\b(?:do|should|must|shall|would|can) (?:i|he|she) (?:\w+ ){0,3}(?:size|go|order) (?:(?:a|one) size )?(?:up"
    r"|down)\b|\b(?:go|order) (?:up|down) (?:a|one) size\b"
    r"|\bsize (?:advice|guide|chart|help|guidance)\b|\bsizing (?:advice|help|chart|guide|question)\b"
    r"|\bwhat'?s my size\b|\bfind (?:out )?(?:my|the right) size\b|\b(?:which|what) is my size\b|\btrue to size\b"
)
COMPARE = re.compile(
    r"\bwhat(?:'s|s| is| are) (?:the )?different\b(?! (?:colou?rs?|sizes?|brands?|kinds?))"
    r"|\bcompar(?:e|es|ed|ing|ison)\b|\bdifferen(?:ce|ces)\b|\bhow different\b|\bdifferent sizes that\b|\bversus\b"
    r"|\bvs\b|\bdiffer\b|\bside by side\b"
    r"|\bhow (?:do|does) .*\b(?:stack up|measure up|hold up)\b|\bwhich\b.*\bbetween\b|\bbetween\b.*\band\b.*\bwhich\b"
    r"|\bwhat makes .*\bdifferent\b|\bdifferent from (?:each other|one another)\b|\bsets? .* apart\b|\bagainst (?:the"
    r"|that|this|number)\b|\b(?:next to|beside|against) (?:each other|one another)\b"
    r"|\bwhat(?:'s| is| would be) (?:the )?(?:better|best|nicer|cheaper|warmer|lighter|worth more)\b.*\bor\b"
    r"|\bwhich (?:one )?(?:is|would be) .*\bor (?:the|that|this)\b"
)
WHICH_IS_MORE = re.compile(
    r"\bwhich (?:(?:one|ones|pair|of (?:them|these|those|the (?:two|three|first|last)(?: \w+)?))\b ?)?(?:\w+ )?(?:is"
    r"|are|would be|has|have|do|does|costs?|'s)\b.*\b(?:cheaper|better|best|more|less|least|most|cheapest|nicer"
    r"|warmer"
    r"|kinder|higher|lower|highest|lowest|happiest|dearest|lighter|heavier|longer|shorter|worse)\b"
    r"|\bwhich (?:one )?(?:costs?|is rated|has)\b.*\b(?:more|less|least|most|higher|better|lower)\b"
    r"|\bwhich (?:one )?(?:of (?:them|these|those) )?(?:would|will) cost (?:me )?(?:the )?(?:more|less|least|most)\b"
)
# "Are the black and the blue one the same price?"
THE_SAME = re.compile(r"^\W*(?:(?:and|so|ok(?:ay)?|but)\W+)*(?:are|is|do|does|have|has)\b.*\bthe same\b(?! .*\bas\b)")
# A question whether what is pointed at has more of something than the rest.
IS_IT_MORE = re.compile(
    r"\b(?:is|are|does|do) (?:it|they|that|this|these|those|the [\w ]{1,20}?)\b.*\b(?:more|less|\w+er|better"
    r"|worse)\b.*\bthan\b|"
    r"\b(?:is|are|does|do) (?:the|that|this|these|those) .*\b(?:more|less|cheaper|pricier|better|worse|rated higher"
    r"|rated lower|higher rated|lower rated|longer|shorter|warmer|lighter|darker)\b(?!.*\b(?:available|in stock)\b)"
)
SIMILAR = re.compile(
    r"\bsimilar\b|\b(?:something|anything|one|ones|stuff|things?|else|other\w*|more|items?|products?|styles?"
    r"|\w+s) (?:more )?like (?:the|that|this|these|those|it|them)\b"
    r"|\bmore like (?:this|that|it|these|those|number|the)\b|\bthat (?:is|are) like\b|\bresembl|\bcomparable\b"
    r"|\balong (?:the|those) lines\b"
    r"|\b(?:the )?same (?:\w+ ){0,4}?(?:as|like)\b|\bin the same (?:\w+ )?(?:style|brand|price|color|colour|size"
    r"|pattern)\b"
    r"|\bsame (?:price|brand|company|size|color|pattern|style)\b|\bcloser? (?:in|to) (?:price|the (?:one|first"
    r"|second))\b|\bclose to (?:the|it|that|this)\b"
    r"|\b(?:priced|rated|sized|styled|patterned) (?:\w+ )?like\b|\blike the (?:one|ones)\b"
    r"|\b(?:something|anything|ones?|things?|\w+s) (?:that |which )?(?:looks?|looking) (?:\w+ )?like (?:the|that|this"
    r"|it|those|these)\b"
    r"|\bin (?:that|those) (?:sizes?|colou?rs?|brands?|patterns?)\b|\bsame sizes\b|\bmatch(?:es|ing)? (?:the|that"
    r"|those|these) (?:brand|price|size|color|rating)\b"
    r"|\blike that (?:brand|price|rating|size)\b|\b(?:brand|price|rating|size|color|pattern"
    r"|cost)s? (?:and \w+ )?like (?:the|that|this|those|these)\b"
)
# More of its maker: "what else has that brand got", "the brand that makes the second".
# "Is it cold outside?" is about no product, whatever was talked of.
OUT_OF_DOORS = re.compile(
    r"\b(?:weather|forecast|temperature|today|tomorrow|tonight|weekend|outside|outdoors|out there|now|week"
    r"|in (?!it\b|that\b|this\b|winter|summer|spring|autumn|fall)\w+)\b"
)
OF_THAT_BRAND = re.compile(
    r"\b(?:that|this) (?:brand|maker|label|designer|company|manufacturer)\b|\bthe (?:brand|maker|label|designer"
    r"|company|manufacturer) (?:that|which|who|behind|of)\b"
)
OTHER_VARIANT = re.compile(
    r"\b(?:have|come|comes|got|get|available|sell|stock)\b[\w' ]*?\b(?:in|any) (?:another|any other|other|a different"
    r"|different|more) (?:colou?rs?|shades?|sizes?)\b"
)
NOT_THAT_BRAND = re.compile(
    r"\b(?:not|no|never|without|except|other than|anything but|don'?t (?:like|want)|hate|avoid)\b[\w' ]{0,24}?"
    r"\b(?:that|this|the same) (?:brand|maker|label|designer|company|manufacturer)\b"
    r"|\b(?:another|a different|some other|other) (?:brand|maker|label|designer)s?\b"
)
# "Now cardigans in the same colour": the wish stays, no product is pointed at.
SAME_OF_BEFORE = re.compile(
    r"\bsame (?:colou?r|budget|limit|price|size|brand|material|pattern|occasion|season)\b"
    r"(?! (?:as|like|of)\b(?! before))"
)
# How what is wanted should be: nothing is taken with that. Behind "them" stands more than a word that takes.
WANTED_SO = re.compile(
    r"\b(?:need|want|like|love|prefer) (?:(?:it|them)(?: all| both)? |(?:these|those|this|that) (?=in\b))(?!all\b"
    r"|both\b|please|too\b|now\b|then\b|so\b|to\b|as\b|badly|asap|today|very\b|really\b|a lot|and\b|but\b|one|ones|pair"
    r"|two|three|four|five)\w"
)
BAG_NAMED = re.compile(r"\b(?:bag|basket|cart|trolley)\b")
# "They" are those who make or sell it: "do they have sunglasses too"; what a thing has is asked with "a".
THEY_SELL = re.compile(
    r"\b(?:do|does) (?:they|this brand|that brand|the brand|you guys) (?:also |even )?(?:(?:make|sell|stock|do|carry"
    r"|offer)\b(?! (?:it|this|that|these|those|them)\b)"
    r"|have (?!an?\b|the\b)[\w' -]{2,30}? (?:too|as well|also)\b|have any\b|(?<=also )have (?!an?\b|the\b))"
)
SAME_BUT = re.compile(
    r"^\W*(?:(?:and|or|hm+|ok(?:ay)?|what about|how about|show me|do you have|can i (?:see|have|get)|have you got"
    r"|i want|i'd like)\W+)*(?:the |that |this |those )?(?:exact )?same\b(?! as\b)"
)
LIKE_IT = re.compile(
    r"(?<!\bi )(?<!would )(?<!'d )(?<!looks )(?<!look )(?<!you )(?<!customers )(?<!others )(?<!people )(?<!really )(?"
    r"<!do )\blike (?:the|that|this|it|those|these)\b"
)
ADVICE = re.compile(
    r"\b(?:recommend(?:ation|ations|ed)?|suggest(?:ion|ions)?|surprise me|inspire me|any ideas?|pick (?:something|one"
    r"|some) for me"
    r"|what (?:else )?(?:would|should|might|could|do you think) (?:i (?:would |might |could |may |will )?)(?:like"
    r"|love|buy|get|wear|want|enjoy)|(?:what|which)(?: one| ones| of (?:these|those|them))? (?:would|do"
    r"|should) you (?:pick|choose|think|go for|take|buy)"
    r"|what (?:else )?(?:would|might|could) suit me|what (?:else )?is there for me|best for me|for my taste"
    r"|(?<!do )(?<!did )(?<!would )(?<!should )you (?:choose|decide|pick)(?=\W*(?:for me)?\W*$)"
    r"|what sells (?:the )?best|(?:what|which) (?:are|is) your best ?-?sell(?:ers?|ing)"
    r"|what's (?:new|hot|trending)|what do you have for me)\b"
)
FOR_ME = re.compile(
    r"\bfor me\b|\bsuit me\b|\bi (?:would|might|could|may|will) (?:like|love|enjoy|want)\b|\bmy (?:taste|style"
    r"|wardrobe|closet)\b|\bbased on\b"
)
QUESTION = re.compile(
    r"\b(?:what|what's|whats|which|how much|how many|how expensive|how warm|who|who's|tell me|do you know|know (?:the"
    r"|what|how|if|which|who)|is (?:it|that|this|the|there)|are (?:they|these|those|the)"
    r"|does (?:it|that|this|the|one|one of)|do (?:they|these|those|the|you other|other)|can i (?:get|hear|know|see"
    r"|have) (?:the|their|its|more)|could i (?:get|hear|know|have)|give me (?:the|its|their|some)|get the|want the"
    r"|need the|need to (?:know|hear)|hear the|find out|see the|read the|check the|about the|curious|can you (?:share"
    r"|give|get)|could you (?:share|give|get))\b|\?"
)
# What is asked is named as the thing to be told: "show me the review score of", "get me their available sizes".
TO_BE_TOLD = (
    r"\b(?:show|get|give|tell|hear|know|find out|see|check|have|share|read|look up|i need|i want|would like"
    r"|i'd like)\b(?: (?:me|us|about|to))*(?: (?:the|its|their|that|some|what|all|those|his|her))"
)
LOOKING = re.compile(
    r"\b(?:show me|find me|find|looking for|look for|looking at|look at|i need|i want|i'd like|i would like"
    r"|do you (?:have|sell|carry)|have you got|got any|are there|is there|any|in the market for|pull up|let me see"
    r"|let's see"
    r"|i'm after|searching|search for|search|shopping for|browse|see (?:some|your|what|any)|help me|interested in"
    r"|back to|let's try|hunting for|what .*\bdo you have|point me|switch to|swap to|move on to|what (?:else|other"
    r"|more)\b.*\b(?:is|are|do|have))\b"
)
LOOKING_FOR = re.compile(r"\b(?:show me|find me|looking for|do you have any|have you got any|could you show|search)\b")
# Somebody is to look, not: somebody needs it.
SHOWS = re.compile(
    r"\b(?:show|find|look(?:ing)? (?:for|at)|search|do you (?:have|sell|carry)|have you|got any|are there|is there"
    r"|pull up|let me see|let's see|see|browse|recommend|suggest|no|not|without|under|over|only)\b|\?"
)
# Only these make a wish of their own, without what was wanted before, of a kind that is talked of already.
ASKS_AFRESH = re.compile(
    r"\b(?:show me|find me|looking for|look for|i need|i want|i'd like|i would like|do you (?:have|sell|carry)"
    r"|have you got|got any|are there|is there|in the market for|pull up|let's see|i'm after|searching for"
    r"|search for|shopping for|browse|see (?:some|your|what|any)|help me|interested in|back to|point me|recommend"
    r"|suggest)\b"
)
INDEFINITE = re.compile(
    r"\b(?:any(?:thing)?|something|options?|some|items?|things?|ones|anyone|selections?|results?|choices?|search)\b"
)
NARROWS = re.compile(
    r"\b(?:limit|narrow|filter|restrict|refine|be (?:a bit |more |a little )*specific|forgot to (?:mention|say)|redo"
    r"|update|adjust|change)\b"
)
YES_NO = re.compile(r"\b(?:is|are|does|do|has|have|can|comes?)\s+(?:it|this|that|they|these|those|the|one)\b")
# "Do you have it in 38": a size of what is pointed at is asked for, and no other products.
HAVE_IT = re.compile(
    r"\b(?:do you|have you|would you|can i|could i|is there any chance to|you)\s(?:still\s|also\s)?(?:have|got|get"
    r"|sell|carry|stock|do|order|find)\s"
    r"(?:it|this|that|them|these|those|(?:the|number)\s(?:\w+\s){0,3}?(?:one|pair|\w+))(?:\s(?:one"
    r"|pair)s?)?\s(?:also\s)?(?:in|as)\b"
)
# After a question about sizes: "and in 41?", "what about an L?".
AND_IN = re.compile(
    r"\W*(?:and|or|what about|how about|then|ok(?:ay)?|hm+)\b[\s,]*(?:(?:in|an?|size|the)\s)*\S{1,12}\W*$|\W*(?:(?:in"
    r"|an?|size|the)\s)*\S{1,12}\s?\?\W*$"
)
AUX_FIRST = re.compile(
    r"^\W*(?:(?:and|but|so|ok(?:ay)?|oh|hm+|well|also|then|now|great|thanks|sorry|actually|wait|nice|the [\w -]{1,30}"
    r"|[\w ]{1,20} one),?\W+)*(?:is|are|does|do|has|have|can|could|will|would|was|were|comes?)\b"
)
MORE = re.compile(
    r"\b(?:else|other|others|another|more (?:options?|choices?|of (?:them|those|these))|different|instead|only|narrow"
    r"|refine|rather|as well|too|alternatives?)\b|^\s*more\s*[.!?]*$|\bshow me more\b|\bmore (?:expensive"
    r"|affordable)\b"
)
MORE_ONLY = re.compile(r"\b(?:else|others?|more options?|alternatives?|whatever)\b")
BARE = re.compile(
    r"^\s*(?:cheapest|most expensive|priciest|least expensive|best rated)\b(?: ones?| pair)?\W*$"
    r"|^\s*(?:(?:and|fine|then|right|alright|so|sure|please|hm+|great|good|lovely|perfect|what about|how about|oh"
    r"|sorry|yes|yeah|um|well|ok|okay|no|actually|i mean|i meant|make it|i am talking about|i'm talking about"
    r"|i'm referring to|i am referring to|that would be|it'?s|by that i mean"
    r"|i was talking about|i'm asking about)[\s,.]*)*(?:the|both|that|this|those|these|them|number|no\.? ?\d+|nr\.?|#"
    r"|all|either|my|\d+(?:st|nd|rd|th)|first|second|third|fourth|fifth|last)\b"
    r"(?!\s+(?:is|are|was|were|looks?|sounds?|isn't|aren't|don't|doesn't|wasn't|weren't|might|could|would|seems?)\b"
    r"|'s|'re|'ll|'d)"
)
MEANT = re.compile(
    r"\bi(?:'m| am)?\s+(?:mean|meant|referring to|talking about|asking about|looking at the)\b|\bby that i mean\b"
)
# Said of what is there, asking for nothing: "those look nice", "I really like the red one".
REMARK = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|oh|wow|well|yeah|yes|no|hm+|great|awesome|actually|and|but|so|you know|gosh|i think|i guess"
    r"|i must say|honestly)\W+)*"
    r"(?:(?:i|we|my \w+)\s+(?:do |really |also |still |kind of |quite |just |did |totally |actually |am |'m )*(?:like"
    r"|prefer|liked|love|loved|adore|think|thought|guess|hope|know|knew|agree|see|saw|kind of|kinda|feeling|was|were"
    r"|am not sure|'m not sure|can't decide|could rock|keep|kept|can(?:'t|not)?|could|wear|own|already have)\b"
    r"|i'm (?:not sure|sure|kind of|kinda|really|loving|feeling|just|good|fine)|(?:it|that|this|they|these|those|both"
    r"|both of (?:them|those|these)|one|one of them|the other(?: one)?|neither|none of (?:them|those|these)|mine"
    r"|the [\w\s,-]{1,40}?|(?:those|these|that|this) [\w\s,-]{1,30}?|my [\w\s]{1,20}?)"
    r"(?:\s+(?:do|does|did|really|just|sure|both|all|definitely|certainly))*(?:'s|'re|\s+(?:is|are|was|were|look"
    r"|looks|looked|seem|seems|sound|sounds|would|might|could|may|will|should|doesn't|don't|do not|does not|feels?"
    r"|caught|catch|has|have))\b)"
)
# The wish is met: "that's exactly what I'm looking for".
JUST_THAT = re.compile(
    r"\bwhat (?:i|we)(?:'m| am|'ve been| was| were)? (?:just |really )*(?:looking|searching|after|want|wanted|need"
    r"|needed|had in mind|hoping)\b"
)
DISLIKED = re.compile(
    r"\b(?:do ?n'?o?t|did ?n'?o?t) (?:really )?(?:like|love|want|care for) (?:any|them|these|those|it)\b"
    r"(?! (?:too|overly|so|that|very|to|as)\b)"
    r"|\bnone of (?:these|them|those)\b|\bnot (?:quite |really |exactly |at all )?what i\b|\bdon'?t like\s*[.!]*$"
    r"|\b(?:something|anything) (?:else|different)\b"
)
SINGULAR = re.compile(
    r"\b(?:it|one|this|that)\b(?!\s+(?:of|and))|\bthe (?:first|second|third|fourth|fifth|sixth|last|cheapest"
    r"|most expensive)\b(?!\s+(?:two|three|four|few))"
)
MORE_PRODUCTS = re.compile(
    r"\b(?:any|some)?(?:anything|something|what|any(?:one)?|nothing) else\b|\bothers?\b|\bmore (?:options?|choices?"
    r"|of (?:them|those|these))\b|\balternatives\b|\bshow me more\b|\bnext (?:page|ones)\b|^\s*more\s*[.!?]*$"
    r"|^\W*any more\W*$"
)
# What tells one of several alike apart by where it hangs or lies, or by when it was seen.
PLACED = re.compile(
    r"\b(?:on|in|at|over|above|below|beneath|behind|under|next to|beside|near|by|from|to|hanging) (?:the |that |this "
    r"|either |its )?(?:\w+ ){0,3}?(?:left|right|top|bottom|middle|center|centre|front|back|rack|wall|shelf|row|table"
    r"|cubb(?:y|ies)|cubicle|cupboard|closet"
    r"|carousel|display|side|corner|window|mirror|counter|end|rung|tier|hook|stand|mannequin)\b|\bnext to (?:it"
    r"|them)\b|\b(?:above|below|behind|beside) it\b|\b(?:saw|seen|showed|suggested|recommended"
    r"|mentioned) (?:\w+ )?(?:earlier|before|first)\b"
)
# Asks for all that is known of a product, not for one thing.
ALL_ABOUT = re.compile(
    r"\b(?:tell me|know|hear|say|describe|details?|info(?:rmation)?)\b.*\b(?:about|of|on)\b|\bdescribe\b"
    r"|\bmore about\b|\bwhat about\b.*\bdetails\b"
)
PLURAL_POINTED = re.compile(r"\b(?:them|those|these|they|their|both|the two|the pair|all (?:two|three))\b")
TOPIC_ONLY = re.compile(
    r"\b(?:(?:go|going|get|getting|come|let's get|flip|turn|switch|return)\w* (?:\w+ )?(?:back )?to|back to|as for"
    r"|about)\b"
)
LET_US_GO_WITH = re.compile(
    r"\b(?:let's|let us|i'?ll|i will|i'd|i would|i want to|i'm going to|i am going to|i'm gonna)\s+(?:actually |just "
    r"|maybe |rather )*(?:go with|go for)\b"
)
