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
    r"(?:meilleures|cordiales|mes|nos) salutations|(?:bien |très )?cordialement|bien à vous|merci(?: beaucoup| d'avance)?|"
    r"cordiali saluti|distinti saluti|(?:cari )?saluti|grazie(?: mille)?)"
)
CLOSING = re.compile(
    rf"(?i:{_CLOSING})(?:[, ]+(?:(?i:and|und|et|e) )?(?i:{_CLOSING}))?\s*[,!.]*(?:\s+(?:[Yy]our|"
    rf"[Tt]he|Ihr|Ihre)?(?:\s*{_NAME}){{0,5}})?[.!]*"
)

_ABOUT = (
    r"(?: (?:about|regarding|concerning|on|zu|bezüglich|betreffend|zum|zur|concernant|au sujet|"
    r"riguardo)\b(?P<about>[^.,;:!?]{0,60}))?"
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
        rf"(?:(?:hello|hi|good (?:morning|afternoon|evening|day)),? and )?"
        rf"thank you for (?:contacting|writing(?: to)?|reaching out(?: to)?|getting in touch(?: with)?|"
        rf"asking|choosing|calling|your)(?: us| me| our \w+| [A-Z]\w+){{0,3}}{_ABOUT}(?: today| "
        rf"again)?",
        rf"(?:vielen|besten|herzlichen) dank(?: für (?:ihre|deine|die|ihr|das) {_MESSAGE}{_ABOUT})?",
        rf"danke(?: schön)?(?: für (?:ihre|deine|die|ihr) {_MESSAGE}{_ABOUT})?",
        rf"(?:nous vous remercions|merci)(?: (?:de|pour) votre {_MESSAGE}{_ABOUT})?",
        rf"(?:la ringraziamo|grazie)(?: (?:per|della|del) (?:la |il )?(?:sua |suo |cortese )*{_MESSAGE}{_ABOUT})?",
        r"(?:we|i) (?:really )?(?:hope|trust)(?: that)? (?:this|that|it|the above|this information|my "
        r"answer|our answer)(?: (?:helps?|is helpful|answers your (?:question|enquiry|inquiry|"
        r"query)s?|clarifies (?:things|this|the matter)|was helpful|is useful|is of help))(?: (?:you|"
        r"for you|to you))?",
        r"(?:we|i) hope (?:you are (?:doing )?well|this (?:e-?mail|message) finds you well|to hear from you soon)",
        r"(?:we|i) (?:are|am|'m|'re|will be|would be|'d be)(?: always| very| more than)? (?:happy|"
        r"glad|pleased|here|delighted) to (?:help|assist|answer|support)(?: you| your)?(?: (?:with|"
        r"any|further|other|more|questions?|your|anything|else|at any time|this|that))*",
        r"(?:we|i) (?:are|am|'re|'m) (?:very |so |deeply )?sorry for your loss|"
        r"(?:please accept )?(?:my|our)(?: sincere| deepest)? (?:condolences|sympathy)|"
        r"unser (?:herzliches |aufrichtiges )?beileid",
        r"(?:we|i) (?:apologi[sz]e|are sorry|am sorry|'m sorry|regret)(?: (?:for|about) (?:the|any|"
        r"this|that|your)(?: \w+)? (?:inconvenience|trouble|delay|confusion|experience|wait|"
        r"misunderstanding)(?: (?:this|it)(?: has| may have)? caused(?: you)?)?| to hear (?:that|this|"
        r"about (?:this|that|your (?:trouble|experience))))?",
        r"(?:have|enjoy) (?:a|the|your) (?:\w+ )?(?:day|weekend|evening|afternoon|morning|week|rest of your day)",
        r"(?:we|i) (?:wish you|look forward to)(?: (?:a|an|all|the))?(?: \w+)? (?:day|weekend|best|"
        r"hearing from you|your reply|time)",
        r"(?:i|we) (?:can|will|would|'d|'ll)(?: gladly| certainly| be (?:happy|glad|pleased|delighted)| like)?(?: "
        r"to)? (?:help|assist|support) (?:you )?(?:(?:with|"
        r"further|any|this|that|more|your|questions?|request|gladly|today|again|at any time|and|other|matters?|concerns?))*",
        r"(?:we|i) hope (?:you (?:had|have|are having|enjoyed|are enjoying) (?:a |an |your )?(?:\w+ )?(?:weekend|"
        r"day|week|holidays?|vacation|start to the week)|all is well(?: "
        r"with you)?|you are well)",
        r"(?:it is|it's|it was|that is|that's) (?:a |our |my |always )*(?:pleasure|good|nice|great|lovely) (?:to "
        r"(?:hear|read|help|talk to|assist|have)(?: from)?(?: you)?"
        r"|question)(?: again| today)?",
        r"(?:i|we) (?:understand|appreciate|know)(?: that)? (?:your (?:concern|frustration|question|situation|"
        r"patience|interest)|this (?:is|can be|may be|must be) "
        r"(?:frustrating|annoying|unpleasant|inconvenient|stressful|difficult))s?",
        r"(?:here|below|hier|nachfolgend|voici|ecco) (?:is|are|you find|finden sie|sind|ist)? ?(?:the|your|our|my|"
        r"an|a|die|ihre|unsere|eine|la|les|votre|la sua|una)? ?"
        r"(?:answers?|overview|summary|information|details|antwort(?:en)?|übersicht|zusammenfassung|informationen|"
        r"réponses?|aperçu|risposta|panoramica)",
        r"gerne? (?:helfe ich|helfen wir|beantworte ich|beantworten wir)(?: ihnen)?(?: (?:weiter|dabei|ihre|frage|"
        r"fragen|gerne|bei|ihrem|anliegen))*",
        r"(?:nous sommes|je suis) (?:désolés?|désolée|navrés?|navrée|ravis?|ravie|heureux|heureuse)(?: (?:pour|de|"
        r"du|des|le|la|les|ce|cette|désagrément|"
        r"désagréments|dérangement|vous|aider|pouvoir|occasionnés?|causés?))*",
        r"(?:ci scusiamo|mi scuso|ci dispiace|mi dispiace)(?: (?:per|del|il|la|l'|disagio|inconveniente|ritardo|attesa))*",
        r"(?:bonne|belle|excellente) (?:journée|soirée|semaine|continuation)|bon week-end|buona (?:giornata|"
        r"serata|settimana)|buon (?:fine settimana|weekend)",
        r"(?:je|nous) (?:espère|espérons)(?: que)? (?:cela|cette réponse|ces informations|ceci)?(?: (?:vous|aura|"
        r"auront|a|ont|été|aide|aidera|aident|utiles?|répond|"
        r"à|votre|question|sera|seront))*",
        r"(?:spero|speriamo)(?: (?:che|di|questo|questa|risposta|queste|informazioni|le|sia|siano|utile|utili|"
        r"esserle|esserle stato|stati|stato|"
        r"d'aiuto|aver|risposto|alla|sua|domanda))*",
        r"(?:i'd|we'd|i'll|we'll|i'm|we're|i will|we will|i would|we would) (?:be )?(?:always |very |more than "
        r")*(?:happy|glad|pleased|here|delighted) "
        r"to (?:help|assist|support|answer)(?: (?:you|with|your|any|further|other|more|questions?|this|that|today|"
        r"anything|else))*",
        r"(?:ja|nein|oui|non|sì|si|gerne?|natürlich|selbstverständlich|klar|bien sûr|d'accord|certo|certamente|volentieri)",
        r"(?:ich verstehe|wir verstehen),? dass (?:das|dies|es) (?:sehr |für sie )*(?:ärgerlich|mühsam|unangenehm|"
        r"frustrierend|schwierig|belastend) ist",
        r"(?:per (?:ulteriori|qualsiasi) (?:domand[ae]|informazion[ei]|chiariment[oi])|in caso di domande),? "
        r"(?:restiamo|resto|siamo|sono)(?: (?:a|sua|"
        r"vostra|disposizione|completa|volentieri))*",
        r"(?:pour toute (?:autre )?question|en cas de questions?),? nous restons(?: volontiers)? à votre "
        r"(?:entière )?disposition",
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
        r"(?:falls|wenn|sollten) sie (?:noch |weitere |dazu |hierzu )*(?:fragen|anliegen|unklarheiten) haben(?: "
        r"sollten)?,? (?:dann )?(?:bitte )?(?:"
        r"rufen|kontaktieren|schreiben|melden) sie (?:uns|sich)(?: (?:einfach|gerne|jederzeit|bitte|bei uns|wieder|an))*",
        r"(?:bitte )?(?:kontaktieren|rufen|schreiben|melden) sie (?:uns|sich|unseren?|ihren?|den|die|das)(?: "
        r"bitte)?(?: (?:bei|an|"
        r"jederzeit|gerne|uns|unseren?|unserem|kundendienst|kundenservice|berater(?:in)?|ihren?|ihrem|"
        r"ihrer|support|filiale|wenn sie|weitere|fragen|haben))*(?: an)?",
        r"(?:n'hésitez pas à|veuillez) (?:nous )?(?:contacter|appeler|écrire)(?: (?:notre|votre|le|"
        r"service|clientèle|conseiller|à nouveau|en cas de questions?))*",
        r"(?:non esiti a|la preghiamo di|può) contattar(?:ci|e)(?: (?:il|nostro|suo|servizio|clienti|"
        r"consulente|nuovamente|per ulteriori informazioni))*",
    )
]  # fmt: skip

_INFORMATION = (
    r"(?:(?:this|the|these|my|our|your|that|all|above|following|any|some|more|further|additional|a few|exact|"
    r"precise|full|complete|current|"
    r"relevant|necessary|personal|contact|account|policy|card|customer|order|ticket) )*(?:information|answers?|"
    r"details?|data|replies|reply|"
    r"message|e-?mail|request|question|enquiry|inquiry|problem|issue|situation|case|concern|context|number|name|"
    r"address|documents?|"
    r"statements?|response|text|overview|explanation|screenshot|reference|points?|notes?|steps?)"
)
HEDGE = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:please note that |note that )?{_INFORMATION} (?:is|are|may be|might be|could be) (?:provided "
        rf")?(?:for )?(?:general|"
        r"guidance|informational|information|general information|orientation|incomplete|out of date|outdated|not "
        r"(?:complete|exhaustive|"
        r"legal advice|financial advice|medical advice|tax advice|advice))(?: (?:guidance|information|orientation|"
        r"only|purposes|and|or|in nature|not|legal|financial|medical|tax|advice|"
        r"does|replace|professional|individual))*",
        rf"(?:please note that )?{_INFORMATION} (?:does|do) not (?:constitute|replace|substitute)(?: (?:for|legal|"
        rf"financial|medical|tax|personal|"
        r"professional|individual|any|a|an|or|and|investment|advice|consultation|recommendation|offer))*",
        r"(?:i am|i'm|we are|we're) (?:not (?:entirely |quite |completely |fully |absolutely )?(?:sure|certain)|"
        r"unsure|uncertain)(?: about (?:this|that|it))?",
        r"(?:i|we) (?:may|might|could) be (?:wrong|mistaken)(?: (?:about|on|here|this|that|with))*",
        r"(?:as far as (?:i|we) (?:know|can (?:see|tell))|to the best of (?:my|our) knowledge|if (?:i|we) "
        r"(?:understand|see) (?:it |this |you |your "
        r"(?:question|request) )?correctly)",
        r"(?:as an ai(?: language model| assistant)?,? )?(?:i|we) (?:do not|don't|cannot|can't) (?:give|provide|"
        r"offer) (?:legal|financial|medical|tax|"
        r"investment|personal|individual)(?:,? (?:or|and|legal|financial|medical|tax|investment))* advice",
        r"this (?:e-?mail|message)(?: and (?:any|all) attachments?)? (?:is|are|may be|contains?) (?:strictly "
        r")?(?:confidential|privileged)"
        r"(?: (?:and|or|information|privileged|confidential|intended|only|solely|for|the|named|addressee|"
        r"recipient|intended recipient|use|of|s))*",
        r"if you (?:are not the intended recipient|have received this (?:e-?mail|message) (?:in error|by "
        r"mistake)),? please (?:delete|notify|inform|"
        r"destroy|contact)(?: (?:it|us|the|sender|and|delete|this|e-?mail|message|immediately|at|once))*",
        r"(?:ich bin mir|wir sind uns|da bin ich mir) (?:nicht (?:ganz |völlig )?sicher|unsicher)",
        r"(?:soweit|soviel) (?:ich|wir) (?:weiss|weiß|wissen)|nach (?:meinem|unserem) (?:kenntnisstand|wissen)|"
        r"ohne gewähr|(?:alle )?angaben ohne gewähr",
        r"diese (?:angaben|informationen|auskünfte) (?:sind|dienen)(?: (?:nur|allgemeine[rn]?|unverbindlich|der|"
        r"zur|information|orientierung|ohne gewähr|"
        r"und|kein|keine|ersatz|beratung|rechtsberatung|für|eine))*",
        r"(?:bitte beachten sie, dass )?diese e-?mail (?:ist|enthält) vertraulich(?:e informationen)?",
        r"(?:sauf erreur(?: de (?:ma|notre) part)?|à (?:ma|notre) connaissance|(?:je ne suis|nous ne sommes) pas "
        r"(?:certaine?|sûre?|certains|sûrs))",
        r"ces informations sont (?:données|fournies) à titre (?:indicatif|d'information)(?: uniquement)?",
        r"(?:salvo errori|per quanto (?:ne so|ne sappiamo|mi risulta)|non (?:sono|siamo) (?:sicur[oaie]|cert[oaie]))",
        r"queste informazioni (?:sono|hanno carattere)(?: (?:solo|puramente|a|titolo|indicativo|indicative|"
        r"generale|generali))*",
    )
]  # fmt: skip

INSTRUCTION = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"please (?:note|be aware|bear in mind|keep in mind|observe)(?: (?:the following|this|that|also|points?|below))*",
        rf"(?:(?:so|then|first|next|now|also),? )?(?:please |kindly |could you please )(?:(?:also|just|first) "
        rf")*(?:read|see|check|review|provide|share|send|"
        r"give|tell|describe|confirm|specify|clarify|include|attach|enter|quote|have|state|forward|keep|save|"
        r"repeat|rephrase)(?: (?:us|me|to us|with us|with me|again|"
        rf"once more|carefully|ready|back|at hand|through|over))* {_INFORMATION}(?: (?:carefully|below|above|again|"
        rf"first|with us|with me|to us|to me|in full|"
        r"so that (?:i|we) can help(?: you)?|at hand|ready|and|or|if possible|for (?:your|our) records|when you "
        r"(?:call|write|contact us)|"
        rf"{_INFORMATION}))*",
        r"(?:please |kindly )(?:wait|hold on|bear with (?:me|us)|try again(?: later)?|stay (?:on the line|tuned)|"
        r"be patient|read on)(?: (?:a|one|moment|while|"
        r"just|for))*",
        r"bitte (?:beachten|lesen|prüfen|senden|geben|teilen|nennen|beschreiben|schicken|bestätigen|halten|"
        r"bewahren) sie(?: (?:uns|mir|bitte|noch|"
        r"folgende[sn]?|das folgende|die|ihre|ihren|den|diese|alle|weitere|genaueren?|angaben|informationen|"
        r"unterlagen|dokumente|hinweise|punkte|anliegen|"
        r"anfrage|frage|nachricht|kontonummer|kundennummer|kundenummer|namen|adresse|mit|an|zu|bereit|sorgfältig|"
        r"genau|nochmals|durch|auf|und|oder))*",
        r"bitte (?:warten|gedulden) sie(?: sich)?(?: (?:einen|moment|kurz|noch|etwas|bitte))*",
        r"veuillez (?:noter|lire|vérifier|nous (?:envoyer|transmettre|indiquer|communiquer)|préciser|décrire|"
        r"patienter)(?: (?:ce qui suit|les|la|le|vos|votre|"
        r"informations?|documents?|suivante?s?|attentivement|demande|question|numéro|de|compte|client|nom|adresse|"
        r"et|ou|un|instant))*",
        r"(?:la preghiamo di|si prega di|per favore,?) (?:notare|leggere|verificare|controllare|inviarci|fornirci|"
        r"indicarci|comunicarci|attendere|descrivere)(?: "
        r"(?:quanto segue|il|la|le|i|suo|sua|suoi|sue|informazioni|documenti|seguent[ei]|attentamente|richiesta|"
        r"domanda|numero|di|conto|cliente|nome|"
        r"indirizzo|e|o|un|attimo))*",
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
        r"approved))? (?:passages?|sources?|documents?|articles?|context|information) (?:do not|does not|don't|"
        r"doesn't|did not) "
        r"(?:contain|mention|provide|include|specify|say|state|answer|cover|have|give|address|offer|discuss)\b[^.;!]*",
        r"(?:das|dies) (?:weiss|weiß) ich(?: leider)? nicht|(?:leider )?(?:weiss|weiß) ich (?:das|es|dies)(?: leider)? nicht",
        r"(?:dazu|darüber|hierzu|hierüber) (?:habe ich|haben wir|liegen mir|liegen uns)(?: leider)? keine(?: geprüften?| "
        r"verlässlichen?)? (?:antwort|auskunft|information(?:en)?|angaben)(?: vor)?",
        r"(?:leider )?(?:habe ich|haben wir|liegt|ich habe|wir haben)(?: uns| mir)?(?: leider)?(?: "
        r"dazu| hierzu| zu (?:ihrer|dieser) frage)* keine(?: geprüfte| gesicherte| verlässliche| "
        r"freigegebene| ausreichenden?)* (?:antwort|auskunft|information(?:en)?|angaben)(?: (?:dazu|"
        r"darauf|vor|zu|über|auf)\b[^.;!]*)?",
        r"(?:leider )?(?:kann ich|können wir|ich kann|wir können|darf ich|dürfen wir|wir dürfen|ich darf)(?: "
        r"ihnen| das| dies| diese| die| "
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
    r"compensat\w*|waive\w*|discount\w*|rebate\w*|for free|freebie|complimentary|"
    r"free of charge|at no cost|no charge|legally binding|no takesies|deal|bonus|voucher|gift|"
    r"credit(?:ed)? (?:you|your)|we(?:'ll| will| shall) (?!(?:be|gladly) (?:very )?(?:happy|glad|pleased|"
    r"delighted|assist|help))|"
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
#: A clause that gives a reason or goes on after the matter.
REASON = re.compile(
    r"(?i)\b(?:because|since|as we|as you|given that|so that|so you|so we|thus|hence|therefore|meanwhile|while|"
    r"whereas|although|though|except|"
    r"weil|denn|da (?:wir|sie|die|der|das|es)|sodass|damit|somit|deshalb|daher|obwohl|während|ausser|außer|indem|"
    r"parce que|puisque|car|donc|afin|alors que|sauf|perché|poiché|quindi|dunque|siccome|mentre|salvo)\b"
)
RELATIVE = re.compile(
    r"(?i),\s*(?:which|who|whose|where|and|die|der|das|den|dem|und|welche\w*|qui|que|dont|et|che|il quale|e)\b|[;:–—]|\s-\s|"
    r"\b(?:and|und|et|e|ed) (?:it|you|we|they|he|she|this|that|there|sie|wir|es|er|vous|nous|il|elle|lei|noi)\b|"
    r"\b(?:decision|news|announcement|fact|right|entitlement|entscheid\w*|tatsache|nachricht von|décision|décidé|"
    r"decisione|notizia)\b"
)
#: An indirect question asks what follows it ("whether the fee is due").
INDIRECT_QUESTION = re.compile(
    r"(?i)\b(?:whether|if|how|what|when|where|which|who|why|ob|wie|was|wann|wo|welche\w*|wer|warum|si|comment|"
    r"quand|où|quel\w*|se|come|"
    r"quando|dove|quale)\b"
)
REGRET = re.compile(
    r"(?i)^(?:(?:i am|i'm|we are|we're) (?:very |so |really )?(?:sorry|afraid),? (?:but|that)? ?|sorry,? (?:but )?|"
    r"(?:unfortunately|regrettably|leider|malheureusement|purtroppo|mi dispiace|désolée?),? )"
)
#: The words of a refusal up to its matter.
REFUSED = re.compile(
    r"(?i)^.{0,80}?\b(?:do not|does not|don't|doesn't|did not|didn't|could not|couldn't|cannot|can't|can not|"
    r"unable to|able to|no|not|nicht|keine?|"
    r"keinen|pas|non)\b(?: (?:currently|yet|have|has|find|contain|mention|provide|include|specify|say|state|"
    r"answer|cover|give|address|offer|"
    r"discuss|know|help|assist|confirm|determine|habe|haben|liegt|vor|ho|abbiamo|dispongo|peux|pouvons|posso|possiamo))*"
)
#: Words that claim for all or none, and numbers written out.
SWEEPING = re.compile(
    r"(?i)\b(?:all|every|everyone|everything|none|never|always|forever|no|not|without|free|unlimited|zero|one|two|"
    r"three|four|five|six|seven|"
    r"eight|nine|ten|twelve|twenty|thirty|fifty|hundred|thousand|million|half|double|twice|"
    r"alle|allen|jede[rsmn]?|keine?[rsmn]?|nie|niemals|immer|nicht|ohne|frei|unbegrenzt|null|eins|zwei|drei|vier|"
    r"fünf|sechs|sieben|acht|"
    r"neun|zehn|hundert|tausend|doppelt|halb|"
    r"tous|toutes|aucune?|jamais|toujours|sans|illimitée?s?|zéro|deux|trois|quatre|cinq|dix|cent|mille|"
    r"tutti|tutte|nessun[oa]?|mai|sempre|senza|illimitat[oaie]|due|tre|quattro|cinque|dieci|cento)\b(?!\s+together)"
)
PARTICIPLE = re.compile(
    r"(?i)(?!.*(?:fred|fried|dred)$)(?!(?:required|needed|included|listed|recommended|asked|enclosed|attached|"
    r"related|limited|detailed)$)"
    r"(?!(?:credito|debito|deposito|saluti|limit[io]|merito|data|vita|servito|contratto|mercato|stato|stati|"
    r"allegat[oi]|privata?)$)"
    r"(?:[a-z]{3,}ed|given|gone|made|done|paid|sold|won|lost|taken|cut|abgeschafft|aufgehoben|erlassen|"
    r"(?-i:(?:ab|auf|an|aus|ein|zu|vor|be|er|ver|ent)?ge\w{2,}(?:t|en)|(?:be|er|ver|ent|zer)\w{3,}t)|"
    r"\w{4,}(?<!t)(?:és?|ées?)|\w{3,}(?:at|ut|it)[oi]|\w{3,}(?:at|ut|it)a)"
)
AFTER_PARTICIPLE = re.compile(
    r"(?i)(?:for|from|since|by|in|on|at|to|as|until|today|now|already|yesterday|tomorrow|forever|again|and|immediately|\w+ly|"
    r"für|ab|seit|von|bis|heute|jetzt|sofort|bereits|und|worden|pour|dès|depuis|aujourd'hui|et|per|da|oggi|subito|e)\W*"
)
#: Lines that mail programs put above a quoted or forwarded message, strictly as they write them.
_MAIL_NAME = r"(?:[\"'“„]?[A-ZÄÖÜÉÈÀ][\w.'’-]*(?:[ ,]+[A-ZÄÖÜÉÈÀ][\w.'’-]*){0,4}[\"'”“]?|[\w.+-]+@[\w.-]+\w)"
_MAIL_WHOM = rf"{_MAIL_NAME}(?: ?[<\[(](?:mailto:)?[\w.+-]+@[\w.-]+\w[>\])])?"
_MAIL_DATE = (
    r"(?:[A-Za-zÀ-ÿ]{2,10}\.?,? )?(?:(?:the|le|den|il) )?(?:\d{1,2}\.? ?(?:[A-Za-zÀ-ÿ]{3,10}\.?|\d{1,2}\.?) "
    r"?\d{2,4}|[A-Z][a-z]{2,9} \d{1,2}, \d{4}|"
    r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}-\d{2}-\d{2})(?:,? (?:at |um |à |alle "
    r")?\d{1,2}[:.h]\d{2}(?::\d{2})?(?: ?[AaPp]\.?[Mm]\.?)?(?: Uhr)?)?"
)
MAIL_HEADER = re.compile(
    rf"(?:\*?(?:From|To|Cc|Bcc|Reply-To|Von|An|De|À|Da|A|Kopie)\*?: ?{_MAIL_WHOM}(?:[;,] ?{_MAIL_WHOM}){{0,5}}|"
    rf"\*?(?:Sent|Date|Gesendet|Datum|Envoyé|Inviato|Data)\*?: ?{_MAIL_DATE}|"
    rf"(?:On|Am|Le|Il) {_MAIL_DATE},? (?:schrieb )?{_MAIL_WHOM}(?: (?:wrote|schrieb|a écrit|ha scritto))? ?:|"
    r"-{2,} ?(?:Original Message|Forwarded message|Ursprüngliche Nachricht|Weitergeleitete Nachricht|Message "
    r"d'origine|Message transféré|"
    r"Messaggio originale|Messaggio inoltrato) ?-{2,})"
)
SIGNATURE_WORD = re.compile(
    rf"(?:{_NAME}|i|p|v|service|clients?|clientèle|client[ei]|kund(?:endienst|enservice|innen)|of|and|the|for|your|team|&|de|von|und|der|the|am|pp\.?|i\.A\.|[-–|,/])"
)

#: A courtesy that takes leave as a sign-off does; a signature may follow.
FAREWELL = re.compile(
    r"(?i)(?:have|enjoy) (?:a|the|your)\b.*|take care|(?:einen )?schönen? (?:tag|abend)\b.*|bonne (?:journée|"
    r"soirée)|buona (?:giornata|serata)|"
    r"(?:many )?thanks.*|thank you.*|vielen dank.*|merci.*|grazie.*"
)

#: An answer that consists of this alone is a claim.
BARE_VERDICT = re.compile(r"(?i)(?:yes|no|correct|certainly|absolutely|ja|nein|oui|non|sì|si|no)[.!]*")
#: A lead-in with a finite verb asserts something, unless it only points at what follows.
FINITE_VERB = re.compile(
    r"(?i)\b(?:is|are|was|were|has|have|had|will|would|can|may|must|should|shall|does|do|did|cost|"
    r"costs|gets?|receives?|pays?|offers?|"
    r"isn't|aren't|wasn't|cannot|can't|doesn't|don't|applies|apply|includes|covers|rises|falls|ends|expires|"
    r"remains|starts|becomes|"
    r"ist|sind|war|waren|hat|haben|wird|werden|wurde|wurden|kann|können|muss|müssen|darf|dürfen|kostet|kosten|"
    r"erhalten|bieten|gilt|gelten|"
    r"beträgt|betragen|entfällt|entfallen|sinkt|steigt|bleibt|bleiben|endet|gibt|"
    r"est|sont|ont|peut|peuvent|doit|doivent|coûte|coûtent|sera|seront|reste|baisse|expire|"
    r"è|sono|hanno|può|possono|deve|devono|costa|costano|sarà|saranno|resta|scade)\b"
)
POINTING = re.compile(
    r"(?i)(?:(?:the|these|this|your|our|here|some|below|die|der|das|hier|ihre|unsere|les|la|le|voici|i|le|gli|"
    r"ecco)\b.{0,60}?\b)?"
    r"(?:(?:is|are|has|have|can be|may be|ist|sind|est|sont|è|sono) )?(?:as |wie |comme |i |the |die |les |le |"
    r"ces |these |folgend\w* |in )*"
    r"(?:follow(?:s|ing)|below|here|these|steps?|list(?:ed)?|include[sd]?|including|options?|points?|details?|"
    r"overview|answers?|conditions|fees|"
    r"limits|folgend\w*|folgt|unten|hier|schritte?|suivante?s?|voici|ci-dessous|seguent[ei]|ecco|sotto)"
    r"(?: (?:is|are|the|you|your|what|how|as|for|of|in|to|do|need|know|can|should|must|have|order|steps?|points?|"
    r"options?|information|"
    r"details|answers?|list|overview|conditions|apply|fees|limits|sind|gelten|die|für|im|in|überblick))*"
)
