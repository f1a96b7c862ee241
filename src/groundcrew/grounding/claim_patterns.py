"""What is not a claim: greetings, sign-offs, courtesies, questions, refusals and bare invitations to get in touch, in
English, German, French and Italian. Every pattern must match a whole sentence, so that nothing can hide behind a courtesy."""

from __future__ import annotations

import re

#: Longest sentence, in words, that may be set apart as a courtesy or an invitation.
COURTESY_WORDS_MAX = 28

_NAME = r"(?:[A-ZÄÖÜÉÈÀ][\w.'’-]*|[A-Z]\.)"
_TITLE = (
    r"(?:mr|mrs|ms|miss|dr|prof|sir|madam|sirs|customer|client|team|all|there|everyone|colleagues?|and|or|"
    r"herr|frau|damen|herren|und|kundin|kunde|geehrte[rs]?|zusammen|liebe[rs]?|"
    r"monsieur|madame|mesdames|messieurs|et|cher|chère|client|cliente|signor|signora|signori|e|gentile|cliente)\.?"
)

#: "Dear Ms Keller," and the like. Names must be capitalised.
GREETING = re.compile(
    r"(?:(?i:dear|hello|hi|hey|greetings|good (?:morning|afternoon|evening|day)|sehr geehrte[rs]?|"
    r"liebe[rs]?|guten (?:tag|morgen|abend)|"
    r"grüezi|hallo|bonjour|bonsoir|chère?|madame|monsieur|gentile|buongiorno|buonasera|salve|"
    r"egregio|to whom it may concern))"
    rf"(?:[ ,/]+(?:(?i:{_TITLE})|{_NAME})){{0,5}}\s*[,!.:;–-]*"
)

_CLOSING = (
    r"(?:(?:with )?(?:my |our )?(?:kind(?:est)?|best|warm(?:est)?) (?:regards|wishes)|(?:yours "
    r")?(?:sincerely|faithfully|truly)(?: yours)?|regards|cheers|"
    r"many thanks|thanks(?: again| so much| a lot)?|thank you(?: again| very much| so much)?|all the best|take care|"
    r"mit (?:freundlichen|besten|herzlichen) grüssen|mit (?:freundlichen|besten|herzlichen) "
    r"grüßen|freundliche grüsse|freundliche grüße|"
    r"beste grüsse|beste grüße|viele grüsse|viele grüße|liebe grüsse|herzliche grüsse|vielen dank|"
    r"besten dank|danke(?: schön)?|"
    r"(?:meilleures|cordiales) salutations|cordialement|bien à vous|merci(?: beaucoup| d'avance)?|"
    r"cordiali saluti|distinti saluti|(?:cari )?saluti|grazie(?: mille)?)"
)
CLOSING = re.compile(
    rf"(?i:{_CLOSING})(?:[, ]+(?:(?i:and|und|et|e) )?(?i:{_CLOSING}))?\s*[,!.]*(?:\s+(?:[Yy]our|"
    rf"[Tt]he|Ihr|Ihre)?(?:\s*{_NAME}){{0,5}})?[.!]*"
)

_ABOUT = (
    r"(?: (?:about|regarding|concerning|on|zu|bezüglich|betreffend|zum|zur|concernant|au sujet|"
    r"riguardo)\b[^.,;:!?]{0,60})?"
)
_MESSAGE = (
    r"(?:message|e-?mail|mail|enquiry|inquiry|question|query|request|note|letter|patience|"
    r"understanding|interest|feedback|time|report|call|"
    r"trust|loyalty|contact|nachricht|anfrage|frage|schreiben|geduld|verständnis|interesse|"
    r"rückmeldung|message|courriel|demande|"
    r"question|patience|compréhension|messaggio|richiesta|domanda|pazienza|comprensione)"
)
_CONTACT_VERB = (
    r"(?:contact|call|reach(?: out to)?|write to|e-?mail|ask|get in touch with|speak (?:to|with)|"
    r"talk to|reply to|respond to|message|visit|consult)"
)
_CONTACT_WHOM = (
    r"(?:us|me|(?:our|your|the|a|any)(?: \w+){0,3} (?:team|staff|support|service|desk|adviser|"
    r"advisor|branch|manager|line|centre|center|department|office|"
    r"colleagues?|hotline|doctor|pharmacist|physician|professional|representative|agent|bank))"
)
_CONDITION = (
    r"(?:(?:if|should|in case|whenever) (?:you|there)(?: (?:have|need|are|is|should|do|still|"
    r"would|like|want|to|know))*(?: any| more| some)?(?: further| other| more| additional)?"
    r"(?: questions?| concerns?| help| assistance| information| queries| doubts?| issues| "
    r"problems| support| clarification| anything(?: else)?| details?| or)*)"
)

COURTESY = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:many thanks|thank you|thanks)(?: (?:very|so) much)?(?: again)?(?: for (?:your|the|"
        rf"this)(?: (?:kind|recent|quick|continued|valued|interesting))? {_MESSAGE}{_ABOUT})?(?: "
        rf"(?:and|to us)(?: for your {_MESSAGE})?)*",
        rf"thank you for (?:contacting|writing(?: to)?|reaching out(?: to)?|getting in touch(?: with)?|"
        rf"asking|choosing|calling|your)(?: us| me| our \w+| [A-Z]\w+){{0,3}}{_ABOUT}(?: today| "
        rf"again)?",
        rf"(?:vielen|besten|herzlichen) dank(?: für (?:ihre|deine|die|ihr|das) {_MESSAGE}{_ABOUT})?",
        rf"danke(?: schön)?(?: für (?:ihre|deine|die|ihr) {_MESSAGE}{_ABOUT})?",
        rf"(?:nous vous remercions|merci)(?: (?:de|pour) votre {_MESSAGE}{_ABOUT})?",
        rf"(?:la ringraziamo|grazie)(?: (?:per|della) (?:la )?(?:sua )?{_MESSAGE}{_ABOUT})?",
        r"(?:we|i) (?:really )?(?:hope|trust)(?: that)? (?:this|that|it|the above|this information|my "
        r"answer|our answer)(?: (?:helps?|is helpful|answers your (?:question|enquiry|inquiry|"
        r"query)s?|clarifies (?:things|this|the matter)|was helpful|is useful|is of help))(?: (?:you|"
        r"for you|to you))?",
        r"(?:we|i) hope (?:you are (?:doing )?well|this (?:e-?mail|message) finds you well|to hear from you soon)",
        r"(?:we|i) (?:are|am|'m|'re|will be|would be|'d be)(?: always| very| more than)? (?:happy|"
        r"glad|pleased|here|delighted) to (?:help|assist|answer|support)(?: you| your)?(?: (?:with|"
        r"any|further|other|more|questions?|your|anything|else|at any time|this|that))*",
        r"(?:we|i) (?:apologi[sz]e|are sorry|am sorry|'m sorry|regret)(?: (?:for|about) (?:the|any|"
        r"this|that|your)(?: \w+)? (?:inconvenience|trouble|delay|confusion|experience|wait|"
        r"misunderstanding)(?: (?:this|it)(?: has| may have)? caused(?: you)?)?| to hear (?:that|this|"
        r"about (?:this|that|your (?:trouble|experience))))?",
        r"(?:have|enjoy) (?:a|the|your) (?:\w+ )?(?:day|weekend|evening|afternoon|morning|week|rest of your day)",
        r"(?:we|i) (?:wish you|look forward to)(?: (?:a|an|all|the))?(?: \w+)? (?:day|weekend|best|"
        r"hearing from you|your reply|time)",
        r"(?:sure|certainly|of course|absolutely|great question|good question|no problem|you're "
        r"welcome|you are welcome|yes|no|ok|okay|sorry|gladly|understood)",
        r"(?:please )?(?:see|find)(?: the)? (?:below|answers? below|information below|following)",
        r"(?:wir|ich) hoffe[n]?,? (?:ihnen )?(?:damit )?(?:das |dies |diese \w+ )?(?:ihnen "
        r")?(?:geholfen|weitergeholfen|gedient|hilft|weiterhilft|helfen)(?: ihnen)?(?: weiter)?(?: zu "
        r"haben)?(?: haben)?",
        r"(?:wir|ich) (?:stehen?|helfen?|bin|sind) (?:ihnen )?(?:bei (?:weiteren )?fragen )?(?:gerne?|"
        r"jederzeit)?(?: (?:gerne?|jederzeit|zur verfügung|weiter|für sie da))*",
        r"bei (?:weiteren |allfälligen )?(?:fragen|anliegen|unklarheiten) (?:stehen wir|sind wir|"
        r"helfen wir|stehe ich|helfe ich)(?: \w+){0,6}",
        r"(?:bitte )?entschuldigen sie(?: bitte)?(?: die (?:unannehmlichkeiten|umstände|verzögerung))?",
        r"(?:einen |ich wünsche ihnen (?:einen )?|wir wünschen ihnen (?:einen )?)?(?:schönen|"
        r"angenehmen|guten) (?:tag|abend|nachmittag)(?: noch)?",
        r"(?:nous restons|je reste)(?: volontiers)? à votre (?:entière )?disposition(?: pour (?:toute|"
        r"tout) (?:autre )?(?:question|renseignement|complément d'information)s?)?",
        r"(?:restiamo|resto|rimaniamo|rimango) a (?:sua )?(?:completa )?disposizione(?: per "
        r"(?:ulteriori|qualsiasi) (?:domand[ae]|informazion[ei]|chiariment[oi]))?",
    )
]  # fmt: skip

CONTACT = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:{_CONDITION},? )?(?:please |you (?:can|may) |simply |just |kindly )*(?:do not hesitate "
        rf"to |don't hesitate to |feel free to )?{_CONTACT_VERB} {_CONTACT_WHOM}(?: (?:again|directly|"
        rf"at any time|any time|anytime|for (?:any )?(?:further |more |other )?(?:help|details|"
        rf"information|assistance|questions?|advice|support)|if you (?:have|need)(?: any| more| "
        rf"further| other)*(?: questions?| help| assistance| information)?|by (?:phone|telephone|"
        rf"e-?mail|message|letter)|or|and|online))*",
        rf"(?:please )?(?:do not hesitate|don't hesitate|feel free) to (?:ask|contact|call|write|reply|"
        rf"reach out|get in touch)(?: us| me| again| back| to us| with us| further questions| any "
        rf"questions| to this e-?mail)*(?: {_CONDITION})?",
        rf"(?:please )?let (?:me|us) know(?: {_CONDITION}| if (?:this|that|it) helps| how (?:we|i) can "
        rf"help| if (?:we|i) can help(?: further| with anything else)?| what you (?:need|think))?",
        rf"{_CONDITION},? (?:please )?(?:let (?:me|us) know|(?:just |simply )?reply to this (?:e-?mail|"
        rf"message)|we are (?:happy|here) to help|i(?:'m| am) (?:happy|here) to help)",
        r"(?:bitte )?(?:kontaktieren|rufen|schreiben|melden) sie (?:uns|sich)(?: bitte)?(?: (?:bei|an|"
        r"jederzeit|gerne|uns|unseren?|unserem|kundendienst|kundenservice|berater(?:in)?|ihren?|ihrem|"
        r"ihrer|support|filiale|wenn sie|weitere|fragen|haben))*(?: an)?",
        r"(?:n'hésitez pas à|veuillez) (?:nous )?(?:contacter|appeler|écrire)(?: (?:notre|votre|le|"
        r"service|clientèle|conseiller|à nouveau|en cas de questions?))*",
        r"(?:non esiti a|la preghiamo di|può) contattar(?:ci|e)(?: (?:il|nostro|suo|servizio|clienti|"
        r"consulente|nuovamente|per ulteriori informazioni))*",
    )
]  # fmt: skip

_REFUSAL_OBJECT = (
    r"(?:help|assist|answer|provide|give|confirm|determine|find|say|tell|respond|comment|advise|"
    r"offer (?:an|any) answer|locate|verify)"
)
REFUSAL = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?:(?:i am|i'm|we are|we're) (?:sorry|afraid),? ?(?:but|that)? ?|sorry,? ?(?:but )?|"
        r"unfortunately,? |regrettably,? )?(?:i|we) (?:do not|don't|currently do not|did not|didn't|"
        r"could not|couldn't) (?:currently |yet )?(?:have|find)(?: an?y?)?(?: verified| enough| "
        r"sufficient| reliable| approved| specific| clear| the| direct)*(?: answer| information| data|"
        r" details| source| passage)s?(?: (?:to|about|on|for|regarding|in|that|from|available|"
        r"which)\b[^.;!]*)?",
        rf"(?:(?:i am|i'm|we are|we're) (?:sorry|afraid),? ?(?:but|that)? ?|sorry,? ?(?:but )?|"
        rf"unfortunately,? |regrettably,? )?(?:i|we) (?:cannot|can't|can not|am not able to|'m not "
        rf"able to|are not able to|am unable to|'m unable to|are unable to|could not|couldn't) "
        rf"{_REFUSAL_OBJECT}(?: (?:you|with|this|that|it|your|the|an?|any|verified|answer|question|"
        rf"request|to|on|about|from|based|given|provided|whether|in|of|passages?|information|"
        rf"documents?|context|sources?|here|reliably|at|moment|for|specific|definitive|advice|legal|"
        rf"medical|and))*",
        r"(?:unable|not able|impossible|not possible) to (?:answer|determine|say|find|provide)(?: "
        r"(?:the|this|that|your|an?|any|question|answer|based|on|given|provided|passages?|from|with|"
        r"information|documents?|context|sources?|in))*",
        r"(?:(?:based on|according to) [^,]{3,60}, )?(?:the|these|our|provided|given|available|"
        r"approved)(?: (?:provided|given|available|approved|above|knowledge))*(?: passages?| sources?|"
        r" documents?| context| information| articles?| base| text)(?: (?:provided|given|above|"
        r"available))* (?:do not|does not|don't|doesn't|did not) (?:contain|mention|provide|include|"
        r"specify|say|state|answer|cover|have|give|address|offer|discuss)\b[^.;!]*",
        r"(?:there is|there's|i have|we have|i found|we found) no(?: verified| reliable| approved| "
        r"such| specific| clear| direct| relevant| sufficient)*(?: answer| information| source| "
        r"mention| data| passage)s?(?: (?:to|about|on|for|regarding|in|that|from|available|"
        r"which)\b[^.;!]*)?",
        r"no(?: verified| reliable| approved)* (?:answer|information)(?: (?:is|was) (?:available|"
        r"found|given|provided))?(?: (?:in|for|to|about)\b[^.;!]*)?",
        r"(?:unfortunately,? |regrettably,? |sorry,? )?(?:i|we) (?:do not|don't) (?:know|have (?:that|this|such|the)"
        r"(?: \w+)? ?(?:information|answer|data|details?))(?: (?:this|that|it|the answer))?",
        r"(?:unfortunately|regrettably|leider|malheureusement|purtroppo),? (?:the|these|our)(?: (?:provided|given|available|"
        r"approved))? (?:passages?|sources?|documents?|articles?|context|information) (?:do not|does not|don't|doesn't|did not) "
        r"(?:contain|mention|provide|include|specify|say|state|answer|cover|have|give|address|offer|discuss)\b[^.;!]*",
        r"(?:das|dies) (?:weiss|weiß) ich(?: leider)? nicht|(?:leider )?(?:weiss|weiß) ich (?:das|es|dies)(?: leider)? nicht",
        r"(?:dazu|darüber|hierzu|hierüber) (?:habe ich|haben wir|liegen mir|liegen uns)(?: leider)? keine(?: geprüften?| "
        r"verlässlichen?)? (?:antwort|auskunft|information(?:en)?|angaben)(?: vor)?",
        r"(?:leider )?(?:habe ich|haben wir|liegt|ich habe|wir haben)(?: uns| mir)?(?: leider)?(?: "
        r"dazu| hierzu| zu (?:ihrer|dieser) frage)* keine(?: geprüfte| gesicherte| verlässliche| "
        r"freigegebene| ausreichenden?)* (?:antwort|auskunft|information(?:en)?|angaben)(?: (?:dazu|"
        r"darauf|vor|zu|über|auf)\b[^.;!]*)?",
        r"(?:leider )?(?:kann ich|können wir|ich kann|wir können)(?: ihnen| das| dies| diese| die| "
        r"ihre| frage| leider| dazu| dabei| hier| ihnen)* (?:nicht|keine auskunft)(?: (?:beantworten|"
        r"helfen|weiterhelfen|geben|sagen|beurteilen|zuverlässig))*",
        r"(?:malheureusement,? )?(?:je|nous) (?:ne )?(?:n'ai|n'avons|ne dispose|ne disposons|ai|"
        r"avons) pas (?:de |d')?(?:réponse|information)s? ?(?:vérifiée?s?)?(?: (?:à|sur|"
        r"pour)\b[^.;!]*)?",
        r"(?:malheureusement,? |désolée?,? )?(?:je|nous) ne (?:peux|pouvons|puis) pas (?:vous "
        r")?(?:répondre|aider)(?: (?:à|sur|pour|cette|votre|question))*",
        r"(?:purtroppo )?non (?:ho|abbiamo|dispongo|disponiamo)(?: di)?(?: una| alcuna)? (?:risposta|"
        r"informazion[ei])(?: verificat[ae])?(?: (?:su|a|per)\b[^.;!]*)?",
        r"(?:purtroppo |mi dispiace,? )?non (?:posso|possiamo) (?:aiutarla|rispondere)(?: (?:a|su|"
        r"questa|alla|domanda|sua))*",
    )
]  # fmt: skip

#: Offers and promises are claims, whatever else the sentence looks like.
PROMISE = re.compile(
    r"(?i)\b(?:guarantee\w*|promise\w*|warrant\w*|commit(?:ted|ment|s)?|refund\w*|reimburs\w*|"
    r"compensat\w*|waive\w*|discount\w*|rebate\w*|for free|"
    r"free of charge|at no cost|no charge|legally binding|no takesies|deal|bonus|voucher|gift|"
    r"credit(?:ed)? (?:you|your)|we(?:'ll| will| shall)|"
    r"i(?:'ll| will| shall) (?!be happy|be glad|not be able)|you(?:'ll| will| are entitled| get| "
    r"receive| win| owe)|can have|approved|"
    r"garantier\w*|versprech\w*|erstatt\w*|rückerstatt\w*|rabatt\w*|gratis|kostenlos\w*|geschenk\w*|verbindlich\w*|"
    r"garanti\w*|rembours\w*|promett\w*|promis\w*|gratuit\w*|sconto|rimbors\w*|remise|offert\w*)\b"
)
HAS_FIGURE = re.compile(
    r"\d|[%$€£]|\b(?:percent|per cent|prozent|pour cent|per cento|dollars?|euros?|francs?|franken|"
    r"pounds?)\b",
    re.IGNORECASE,
)
HAS_ADDRESS = re.compile(r"https?://|www\.|@|\b[\w-]+\.(?:com|ch|org|net|de|fr|it|io|example)\b", re.IGNORECASE)
ADVERSATIVE = re.compile(
    r"(?i)\b(?:but|however|though|although|nevertheless|instead|yet|aber|jedoch|trotzdem|dennoch|"
    r"mais|cependant|toutefois|ma|però|tuttavia)\b"
)
RHETORICAL = re.compile(
    r"(?i)\b(?:did you know|were you aware|are you aware|wussten sie|isn't it|aren't|don't you|"
    r"doesn't it|saviez-vous|lo sapeva)\b"
)
SIGNATURE_WORD = re.compile(rf"(?:{_NAME}|of|and|the|for|your|team|&|de|von|und|der|the|am|pp\.?|i\.A\.|[-–|,/])")

#: An answer that consists of this alone is a claim.
BARE_VERDICT = re.compile(r"(?i)(?:yes|no|correct|certainly|absolutely|ja|nein|oui|non|sì|si|no)[.!]*")
#: A lead-in with a finite verb asserts something, unless it only points at what follows.
FINITE_VERB = re.compile(
    r"(?i)\b(?:is|are|was|were|has|have|had|will|would|can|may|must|should|shall|does|do|did|cost|"
    r"costs|gets?|receives?|pays?|offers?|"
    r"ist|sind|war|waren|hat|haben|wird|werden|kann|können|muss|müssen|darf|dürfen|kostet|kosten|erhalten|bieten|"
    r"est|sont|ont|peut|peuvent|doit|coûte|è|sono|hanno|può|possono|deve|costa)\b"
)
POINTING_WORD = re.compile(
    r"(?i)\b(?:follow(?:s|ing)?|below|here|these|steps?|list(?:ed)?|include[sd]?|including|options?|points?|details?|"
    r"folgend\w*|folgt|unten|hier|diese|schritte?|suivant\w*|voici|ci-dessous|seguent[ei]|ecco|sotto)\b"
)
