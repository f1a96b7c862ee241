"""German wordings of commitments and of what takes them back; written as `words.Phrases` reads them."""

from __future__ import annotations

from groundcrew.guards.commitments.words import word_set

STOP = word_set(
    """der die das den dem des ein eine einen einem einer eines und oder aber wenn dann als so wie bei von vom zu zum zur für
    mit auf aus an am im in ins über unter nach vor seit bis durch ohne gegen um ist sind war waren sein wird werden wurde
    wurden hat haben hatte kann können muss müssen soll sollen darf dürfen nicht kein keine keinen keinem ich du er sie es
    wir ihr ihre ihren ihrem ihrer ihnen uns unser unsere unseren unserem sich dass ob auch nur noch schon sehr mehr man
    dieser diese dieses diesen diesem jede jeder jedes jeden alle bitte danke hier dort da doch sowie bzw etwa je pro mein
    meine dazu damit bereits sodass"""
)

LISTS = {
    # Who speaks and who is spoken to.
    "FIRM": """
        unser/unsere/unserem team/techniker/kollege/kollegin/kundendienst/service/leute/fachleute/abteilung/haus | das
        team | unsererseits | wir | ich | unsere bank/firma/filiale | die bank/firma/versicherung/airline/klinik/kasse |
        uns | unserer/unserem | meine kollegin/kollegen
    """,
    "YOU": "sie | ihnen | ihr | ihre | ihren | ihrem | ihrer | dir | dich | du | dein* | euch",
    "FUTURE": "wird | werden | werde | wirst",
    # What takes a commitment back, makes it less than one, or tells that it is none.
    "NEGATION": """
        ablehne | zurückweisen | abweisen | weder | bedauern | nicht | kein/keine/keinen/keinem/keiner/keinerlei/keines
        | nie | niemals | nichts | ausgeschlossen | unmöglich | nirgends | ablehnen | abgelehnt | unverbindlich* | ohne
        gewähr | niemand | leider nein | freibleibend*
    """,
    "NEUTRAL": """
        garantieschein/garantiekarte/garantiezertifikat/garantieheft/garantiefall/garantiezeit | *verbindliche
        auskunft/antwort/beratung/stellungnahme/information/übersetzung | entscheidung/wahl gehört/liegt | nicht der
        rede wert | kein/keine problem/sorge/sorgen/frage/umstände/ursache | nicht nur | nicht zuletzt | keine frage |
        ohne weiteres | zögern sie nicht | nichts zu danken | nicht zögern | kein thema | nicht weiter schlimm | kein
        wenn und? kein? aber | rückerstattungsantrag* | rückerstattungsformular* | kreditkarte* | kreditlimit* |
        kreditantrag* | gutscheincode* | rabattcode* | wenn und aber | garantiekarte* | garantieschein* | macht nichts |
        nicht lange | nicht mehr lange | nichts tun | nichts unternehmen
    """,
    "WEAK": """
        etwa | circa | ca | rund | ungefähr | je nachdem | in den meisten fällen | könnte/könnten | möglich |
        möglicherweise | vielleicht | eventuell | allenfalls | unter umständen | in der regel | normalerweise |
        üblicherweise | meistens | meist | grundsätzlich | voraussichtlich | wahrscheinlich | vermutlich |
        gegebenenfalls | dürfte/dürften | würde/würden | sollte/sollten | hoffen/hoffe | versuchen/versuche |
        bemühen/bemühe | im allgemeinen | manchmal | oft | erfahrungsgemäss | in etwa | durchschnittlich | bestrebt |
        gewöhnlich | generell
    """,
    "PLEDGED": """
        würden wir ihnen gerne | möchten wir ihnen ... anbieten/schenken/gutschreiben/erstatten/geben | möchte ich ihnen
        ... anbieten/schenken/gutschreiben/erstatten/geben | gerne ... anbieten/schenken/gutschreiben/erstatten | würden
        ihnen gerne
    """,
    "CONDITION": """
        wenn | falls | sofern | sobald | sollten sie | im falle | vorausgesetzt | ausser | es sei denn | solange | unter
        der bedingung | nur für/wenn | je nach | vorbehältlich | im fall
    """,
    "INDIRECT": """
        ob | um ... zu | wie sie | anspruch prüf* | informationen zu/über/zur | ihren/ihr/den/der anspruch geltend |
        beantragen | antrag auf | gesuch um | unsere agb/bedingungen
    """,
    "WISH": """
        hat ihnen ... genannt/versprochen/offeriert/angeboten/zugesagt | ihnen ... genannt |
        beschwerde/reklamation/bemerkung/ärger/unmut/rückmeldung/kritik über/zu/zur/wegen | reklamation über | ihnen
        wurde versprochen/zugesagt/gesagt/angeboten | ihnen sei | in ihrer nachricht/e mail | ihre nachricht/mail
        erwähnt | ihrer/ihre forderung/reklamation/anfrage über/von | sie
        hoffen/beantragen/beantragten/beanspruchen/stellen | sie/du
        verlangen/verlangten/fordern/forderten/wünschen/wünschten/möchten/wollten/wollen/schreiben/schrieben/sagen/sagten/meinen/erwarten/erwarteten/behaupten/bitten/baten/fragen/fragten
        | sie haben/hatten ... geschrieben/verlangt/gefordert/gewünscht/gefragt/erwähnt/gebeten/beantragt/gesagt |
        ihr/ihre/ihren/ihrem wunsch/forderung/anliegen/bitte/frage/anfrage nach/um/auf/ob/zu | wie sie
        schreiben/sagten/schrieben/erwähnten | laut ihnen | ihrer meinung | zurückfordern | sie wollten wissen | der
        kunde/die will/verlangt/wünscht | ihnen ... zugesagt worden sei | ihrer ansicht
    """,
    "RECORD": """
        forderung über/von | erhalten und prüfen | gebucht am | ausfüllen | hat ... gekostet | kostete | sie haben ...
        bezahlt/überwiesen/bestellt/gekauft/eingezahlt/abgehoben/gezahlt/einbezahlt | ihr/ihren/ihrem
        kontostand/saldo/guthaben | ihre/ihrer zahlung/bestellung/rechnung/überweisung/einzahlung | laut
        unserem/unseren/unserer system/unterlagen/aufzeichnungen/buchhaltung | belastet | abgebucht | eingegangen |
        wurde/wurden | gemäss unseren | vom <date> | waren | hatten | vor <duration> | haben wir ... erhalten | schulden
        | offener/offene/offenen betrag/saldo | ursprünglich | bisher | letzte/letzten/letzter
    """,
    "SOFT": """
        prüfen/prüfe/prüft/geprüft | klären/kläre/klärt/abklären | fragen/frage ... nach | nachfragen |
        weitergeleitet/weiterleiten/leiten/leite | schauen/schaue | melden/melde | untersuchen/untersuche | gehen der
        sache nach | gehe der sache nach | abzuklären | liegt ... bei | besprechen/bespreche | entscheidet/entscheiden |
        in verbindung | auf sie zu | informieren/informiere | beantworte ich | beantrage/eingereicht
    """,
    "OBLIGE": """
        bitte | sie müssen/sollten/sollen/haben zu | sie sind verpflichtet | achten sie | müssen/muss ...
        sein/eintreffen/erfolgen | sind/ist ... zu bezahlen/begleichen/zahlen/zahlbar/fällig | zahlbar | beachten sie |
        vergessen sie | senden/schicken/reichen/zahlen/überweisen/melden/wenden/rufen/kontaktieren/besuchen sie |
        spätestens ... kündigen
    """,
    "HOURS": """
        termin | vereinbart | geöffnet | geschlossen | offen von/bis | öffnungszeiten | sitzung | geboren | treffen
    """,
    "APPROVED": """
        bewilligt | genehmigt | gutgeheissen | freigegeben | akzeptiert | angenommen | ausgelöst | veranlasst |
        bestätigt
    """,
    "CERTAIN": """
        garantiert | bestimmt | sicher | sicherlich | in jedem fall | auf jeden fall | ganz sicher | zweifellos |
        hundertprozentig | immer
    """,
    # What is promised: verbs (_V) with somebody who acts, nouns (_N) with a gift or a figure, and what stands by itself (_S).
    "GIVE": """
        hinzugefügt | hinzufügen | gutzuschreiben | aufgeladen | gebe/geben/gibt/gegeben | gewähre*/gewährt | offerier*
        | biete/bieten/bietet ... an? | schenke/schenken | erteile/erteilen | sprechen/spreche ... zu | ausgelöst |
        veranlasst/veranlassen/veranlasse | bewilligt/bewillige/bewilligen | genehmigt/genehmige/genehmigen | legen/lege
        | überweise/überweisen/überwiesen | zahle/zahlen | sende/senden/schicke/schicken | mache/machen | räume/räumen |
        bestätige/bestätigen/bestätigt | verbuche/verbuchen | anbieten | spendiere/spendieren | lasse/lassen |
        ermögliche* | stelle/stellen | drauf | obendrauf | dazu | auszahlen | ausstellen | zusprechen | einräumen |
        freigegeben | erhalten
    """,
    "GETS": """
        anbei | hier ist/kommt | beiliegend | im anhang | erhalten/erhält/erhältst/erhalte | bekommen/bekommt/bekommst |
        kriegen/kriegt/kriegst | anspruch | haben/hat/hast | profitieren/profitiert | zustehen/steht ... zu | geniessen
        | gibt es | finden/findet | dürfen | sichern | gehört ihnen | zusteht
    """,
    "REFUND_V": """
        zurückgebucht | zurückbuch* | zurückvergüt* | zurücktransferier* | zurückgeschickt | rückvergütet |
        ersetzen/ersetze/ersetzt wir/ich/ihnen | *kosten ersetzen/ersetze/zahlen/bezahlen/übernehmen wir/ich |
        zahlen/bezahlen ihnen das/die/den | zurückbezahl* | komplett zurück |
        anwaltskosten/arztkosten/hotelkosten/reisekosten/auslagen/kosten ... vergüten/übernehmen/ersetzen/tragen |
        vergüten | zu vergüten/erstatten/entschädigen/ersetzen | bekommen/bekommt/erhalten/kriegen ... wieder |
        wiederbekommen | belastung ... rückgängig | buchung/belastung/abbuchung ... storniert/stornieren |
        begleichen/begleiche ... schaden/rechnung/kosten | komme/kommen für ... auf | schulden/schulden ihnen |
        ausgleichen/gleichen ... aus | ersetzt/ersetze/ersetzen ihnen | rückgängig | geld ... wieder | gutmachen |
        wiedergutmach* | tragen/trage ... schaden | erstatte/erstatten/erstattet/erstattest | rückerstatt* |
        zurückerstatt* | zurückzahl* | zurückgezahlt | zurücküberw* | zahle/zahlen/zahlt ... zurück |
        überweise/überweisen/überweist ... zurück | bekommen/bekommt/erhalten/erhält/kriegen/kriegt ... zurück |
        zurückbekommen | zurückerhalten | gebe/geben ... zurück | entschädig* | vergüte/vergüten/vergütet | rückvergüt*
        | ersetzen/ersetze/ersetzt ... schaden/kosten/betrag/auslagen | komme/kommen ... auf | wieder auf ihrem/ihr
        konto | retour | rückbuchen/rückgebucht | schaden ersetz*
    """,
    "REFUND_N": """
        rückerstattung* | erstattung* | rückzahlung* | geld zurück | entschädigung* | rückvergütung* | schadenersatz* |
        schadensersatz* | kompensation* | vergütung | auszahlung | <money> zurück
    """,
    "REFUND_S": """
        anrecht auf ... zurück | anspruch auf ... erstattung/rückerstattung/entschädigung/<money> | anrecht auf ...
        <money>/kaufpreis/erstattung | <money> wieder | scheck über <money> | wir schulden ihnen | rückerstattung ...
        bewilligt/genehmigt/ausgelöst/veranlasst/unterwegs | kaufpreis zurück | <money> von uns zurück | geld zurück |
        geld ... zurück | <money> zurück | zahlen/zahle ihnen <money> | überweisen/überweise ihnen <money> | <money> ...
        zurück | zahlen ihnen ... aus | diesen/dieser/der/den betrag ... zurück
    """,
    "CREDIT_V": """
        setzen/setze ... raten aus | aussetzen | raten/ratenzahlung ... <number>/<duration> | vergessen sie die
        gebühr/rechnung/mahnung | lege/legen ... drauf/obendrauf/dazu | spendiere* | streichen ... schulden/restschuld |
        erlassen ... schulden/restschuld/rest | übernehmen/übernehme ... rechnung/gebühr/mahngebühr | packe/packen ...
        dazu | gutschreib* | gutgeschrieben | gutzuschreiben | schreibe/schreiben/schreibt ... gut | verbuchen ...
        gutschrift | stunde/stunden/gestundet | verlängere/verlängern ... frist/zahlungsfrist | zahlungsaufschub |
        zahlungsfrist ... verlängert | stornier* | abschreiben ... schuld | schulden ... erlassen | schuld ...
        gestrichen | lade/laden ... guthaben | punkte ... gut | aufschub
    """,
    "CREDIT_N": """
        *meilen | *punkte | bonusmeilen | wiedergutmachung | entgegenkommen | trostpflaster | geschenkkarte |
        gratismonat* | freimonat* | <number> monate gratis/geschenkt | treuepunkte | upgrade | extra monat | bonuspunkte
        | startguthaben | guthaben* | meilen | ratenzahlung | zahlungsaufschub | gutschrift* | gutschein* | kulanz* |
        bonus | prämie | guthaben | cashback | *gutschein* | *gutschrift | *bonus | einkaufsgutschein*
    """,
    "CREDIT_S": """
        ausstände/schulden/rückstände/forderung ... abgeschrieben/gestrichen/erlassen/gelöscht |
        schuld/rechnung/forderung/busse ... beglichen/erledigt/bezahlt/getilgt | als beglichen/erledigt/bezahlt/getilgt
        | vergessen wir die/den/das *gebühr*/*kosten*/rechnung/mahnung | vergessen wir ...
        *gebühr*/*kosten*/rechnung/mahnung | *gebühr* ... vergessen | *gebühr*/rechnung/schuld ... vom
        tisch/erledigt/weg | ist vom tisch | schwamm drüber | brauchen sie sich ... nicht zu kümmern | müssen sie sich
        ... nicht kümmern | lassen ... verschwinden | stornieren/storniere wir/ich | rechnung/mahngebühr/betrag ...
        storniert/gestrichen/erledigt/hinfällig | erst in <duration> zahlen | brauchen/müssen ... rechnung nicht zu?
        zahlen | rechnung ... nicht zu? bezahlen | rechnung ... vergessen | kümmern uns um die rechnung/kosten |
        schulden sind erlassen
    """,
    "WAIVE_V": """
        verzichte*/verzichten wir/ich | auf ... verzichte*/verzichten | entfällt | entfallen | gestrichen | fällt/fallen
        ... weg | wegfallen | lassen/lasse ... unter den tisch fallen | nicht in rechnung |
        berechnen/berechne/verrechnen/verrechne ihnen? ... nicht/keine | erlasse/erlassen/erlässt |
        verzichte/verzichten/verzichtet ... auf | *gebühr* ... entfällt/entfallen/gestrichen/aufgehoben/erlassen |
        entfällt/entfallen ... *gebühr*/*kosten*/*spesen* | streiche/streichen/gestrichen | gebühr/gebühren ... weg |
        hebe/heben ... auf | nehme/nehmen ... *gebühr* ... zurück | befreit/befreien | aufgehoben | *gebühr*/*spesen*
        ... zurück | ziehe/ziehen ... *gebühr* ... ab
    """,
    "DISCOUNT_V": """
        sparen/sparst/spart <percent>/<money> | sparen sie <percent>/<money> | sparen ... <percent>/<money> |
        schenken/schenke wir/ich? ihnen ... <percent>/<duration>/monate | senke*/senken/reduzier* ... um
        <percent>/<money> | mache/machen ... preis/sonderpreis | gehe/gehen mit dem preis |
        runtersetzen/herabsetzen/herabgesetzt | lasse/lassen ihnen ... für | kürzen/kürze ... um | ziehen/ziehe ... ab |
        komme/kommen ... entgegen | fixiere/fixieren ... preis | garantiere* ... preis | <duration> schenken |
        senke/senken/gesenkt | reduziere/reduzieren/reduziert | halbiere/halbieren/halbiert |
        ermässige/ermässigen/ermässigt | unterbiete/unterbieten/unterbietet | verbillige/verbilligen | gehe/gehen ...
        runter | gehen <percent>/<money> weg | komme/kommen ihnen ... entgegen | ziehe/ziehen <money>/<percent> ... ab |
        lasse/lassen ... <percent>/<money> nach | nachlassen | günstiger machen
    """,
    "DISCOUNT_N": """
        sonderangebot | spezialangebot | treuerabatt | bestpreis | halbpreis | sonderkondition* | einführungspreis |
        billiger | günstiger als | rabatt* | *rabatt* | nachlass* | preisnachlass* | ermässigung* | skonto |
        vergünstigung* | <percent> preis/preises | <percent> weniger/günstiger/billiger | <money>
        weniger/günstiger/billiger | reduktion | preisreduktion | sonderpreis* | vorzugspreis* | spezialpreis* |
        sonderkonditionen | abzug | tiefpreis* | <percent> des preises | <percent> des kaufpreises | freundschaftspreis
        | einmalpreis
    """,
    "DISCOUNT_S": """
        bekommen/erhalten/kriegen/haben sie ... *preis | sie bekommen/erhalten/kriegen/haben ... *preis |
        biete/bieten/gebe/geben/mache/machen ihnen ... *preis | mitarbeiterpreis | mitarbeiterrabatt | familienpreis |
        nennen sie ihren preis | ihr preis ist unser preis | zum selbstkostenpreis | zum einkaufspreis | unter
        einkaufspreis | zum schnäppchenpreis | preis fällt/sinkt auf | nur noch die hälfte | <duration>
        gratis/geschenkt/kostenlos/umsonst | <duration> schenken/schenke | unterbieten/unterbiete jed*/alle* |
        tiefpreisgarantie | bestpreisgarantie | ziehen mit jed* | jeden preis der konkurrenz | preis der konkurrenz |
        schenken ... <percent> | zum? <percent> preis
    """,
    "FREE_S": """
        ohne etwas zu | ohne ihnen etwas | ohne etwas zu verrechnen | für sie inbegriffen/inklusive | für sie ...
        inbegriffen/inklusive | können sie sich ... sparen | sparen sie sich ... <money>/gebühr | brauchen/müssen ...
        nicht zu? zahlen/bezahlen | bezahlen/zahlen wir | bezahlen/zahle ich | übernehmen wir | übernehme ich | geht auf
        unsere rechnung | kommen wir für auf | gehört ihnen geschenkt | ist geschenkt | behalten sie das geld | keinen
        cent/rappen/franken | keinen finger | lassen sie ihr portemonnaie | zahlen gar nichts | ohne dass sie etwas
        bezahlen | auf uns | zahlen/bezahlen ... nichts | zahlen/bezahlen sie ... nichts | nichts zu? bezahlen/zahlen |
        kostet ... nichts | keine gebühr/gebühren/kosten | ohne gebühren/mehrkosten | ohne weitere kosten | zu null |
        zum nulltarif | spesenfrei | gehen auf uns/mich | nicht verrechnet/berechnet/belastet | keine kosten für sie |
        schenken ihnen | schenke ihnen | null franken/euro | für lau | kostenfrei | für sie kostenlos | auf kosten des
        hauses | auf unsere kappe | übernehmen wir die kosten | die kosten übernehmen wir | kosten tragen wir | tragen
        die kosten | gratis | kostenlos* | kostenfrei* | gebührenfrei* | umsonst | unentgeltlich* | versandkostenfrei* |
        portofrei* | spesenfrei* | auf unsere/unserer/meine kosten/rechnung | aufs haus | auf das haus |
        keinen/kein/keine rappen/cent/franken/euro/gebühr/gebühren/kosten | kostet sie nichts | kostet nichts | nichts
        bezahlen/zahlen/kosten | zahlen sie nichts | nicht mehr? zu? bezahlen/zahlen | ohne
        kosten/aufpreis/gebühr/zusatzkosten | geschenkt | schenken/schenke wir/ich? ihnen | geht auf uns | geht auf mich
        | laden sie ein | kein aufpreis | schulden uns nichts | nicht belastet/verrechnet | keine kosten | müssen ...
        nicht mehr bezahlen/zahlen
    """,
    "FREE_N": "geschenk* | zugabe",
    "PRICE": """
        verdienen/verdient | rendite | mitnehmen | kriegen | haben ... für | verlangen | berechne/berechnen/berechnet |
        stellen/stelle ... in rechnung | pro monat | im monat | macht | nur noch | gesamtpreis | pauschal | <money>
        pro/je/im | sonderpreis | kriegen sie für | verlangen wir | preis* | *preis | kostet/kosten/koste | gebühr* |
        *gebühr | *gebühren | tarif* | zins* | *zins | *zinssatz | satz | prämie* | miete | für
        <money>/nur/bloss/lediglich | um <money> | zu <money>/<percent> | beträgt/betragen | verlangen/verlange |
        verrechnen/verrechne/verrechnet | zahlen/zahle/zahlt | bezahlen | verkaufe/verkaufen | gehört ihnen |
        belaufen/beläuft | liegt/liegen bei | ist/sind <money> | pauschale | selbstbehalt | franchise | hypothek* |
        kredit* | darlehen* | rechnung | fallen ... an | fällt ... an | *kosten | spesen | *spesen | gibt es ... für |
        schon für/ab | angebot | offerte | rate | überlassen/überlasse | effektivzins
    """,
    "OWNED": """
        für <money> können/dürfen sie | für <money> gehört/mitnehmen | mitnehmen für | verkaufe/verkaufen ihnen ...
        für/um | gehört ihnen für | überlassen/überlasse ... für | haben ... für <money>/<number> | können ... für
        <money> haben | bekommen/kriegen/erhalten ... für <money> | gebe/geben ihnen ... für <money> | für nur <money>
    """,
    "DEADLINE": """
        sie können/dürfen ... <duration> | sie können/dürfen ... bis <date> |
        bewahren/bewahre/halten/halte/reservieren/reserviere ... <duration> | <duration> lang | um diese zeit | morgen
        um | <date> um diese | geben sie uns <duration> | <duration> gültig | gültig bis <date> | bleibt <duration> |
        noch <duration> | gilt/gelten <duration> | gilt/gelten bis <date> | in einer woche | <duration> dann | bis
        <date> gültig | <duration> länger | weitere <duration> | heute um | um <date> | bis <date> | in einer stunde |
        ab sofort bis | <date> um | am <date> | schon <date> | gleich <date> | in der nächsten woche | <duration> nach |
        ende <date> | vor ablauf | <date> zurück | innert/innerhalb/binnen von? der? nächsten? <duration> | in
        <duration> | in den/der nächsten/kommenden <duration> | bis zum? spätestens? am? <date> | bis ende <date> | bis
        spätestens | spätestens am? bis? <date>/<duration> | <date> | vor <date> | ab <date> | dauert höchstens?
        maximal? nur? etwa? <duration> | nach <duration> | in nur <duration> | in weniger als <duration> | <date> schon
        | noch <date> | in <duration> erledigt | haben/hat <duration> zeit | innert/innerhalb höchstens?/maximal?
        <duration> | in spätestens <duration> | postwendend
    """,
    "DEADLINE_S": """
        am selben tag | am gleichen tag | über nacht | innert tagesfrist | innert stundenfrist | postwendend | in der
        nächsten stunde | noch diese woche
    """,
    "ARRIVE": """
        gehen/geht ... raus/weg | raus | verlassen/verlässt | ruft/rufen/anrufen | unterwegs | kommt/kommen | läuft |
        laufen | funktioniert/funktionieren | repariert | wieder | online | fertig | bereit | geschafft | steht |
        geregelt | gelöst | eingerichtet | verschickt | bei ihnen | vor ort | da | zurück | in händen | auf ihrem konto
        | beginnt/beginnen/startet | gebucht | verbucht | ersetzt | ausgetauscht | abgeholt | meldet/melden sich |
        ruft/rufen ... an | bezahlt | erstellt | freigegeben | trifft/treffen/eintreffen | ankommen/kommt/kommen |
        liefer* | geliefert | lieferung | zustell* | zugestellt | versend*/versandt | schicke*/schickt/geschickt |
        sende*/gesendet | überweis*/überwiesen | erhalten/erhält | bekommen/bekommt | kriegen | haben/hat | erledig* |
        bearbeite* | beantwort* | antwort* | liegt | gutgeschrieben | ausbezahlt/auszahlen/ausgezahlt | dauert | wechsel
        | reparier* | ausgeführt | erstatt* | freigeschaltet | installier* | abgeschlossen | behoben | sehen | ist da |
        da sein | stehen/steht | losgehen | rufe/rufen | wird/werden | entschieden | zahlen/zahlt
    """,
    "RIGHT": """
        sie können/dürfen ... abholen/holen/beziehen/haben/mitnehmen | abholen | sie dürfen/können ...
        behalten/nutzen/benutzen/bleiben/lagern/ausleihen | bewahren/bewahre/halten/halte/reservieren/reserviere ...
        <duration> | bewahren/halten/reservieren ... bis <date> | gültig | gilt/gelten noch? <duration> | noch bis | bis
        <date> nachreichen | haben sie noch | später zahlen | länger zeit | zurückgeben | umtauschen | zurückschicken |
        retournieren | widerrufen | sie können/dürfen ... kündigen | haben/hat <duration> zeit | verlänger* ... frist |
        rückgaberecht | rückgabefrist | umtauschrecht | zahlungsfrist
    """,
    "GUARANTEE_S": """
        keine/keinerlei gefahr | kein/keinerlei risiko | keine chance dass | ich/wir bin/sind sicher/überzeugt/gewiss |
        gegen alles versichert | sind/ist/bleiben ... gegen/für ... versichert/abgesichert/geschützt | schützt sie
        gegen/vor alle*/jede* | kann/können/wird/werden ... nichts/nicht ...
        schiefgehen/schieflaufen/schief/verlieren/scheitern/misslingen/passieren/fehlschlagen | kann ... nichts
        passieren | kann ... nicht ... verlieren/scheitern/misslingen/schiefgehen | unmöglich ... verlieren/scheitern |
        ausgeschlossen dass ... verlieren/scheitert | zufriedenheit garantiert | geld zurück garantie | sie werden
        zufrieden | nur steigen | seien sie versichert ... kommt/geht/wird | gehört ihnen | wird ... gelingen | wird ein
        erfolg | ein voller erfolg | in der tasche | komme was wolle | bei jedem wetter | verdienen/verdient <percent> |
        gewinn von <percent> | rendite von | erfolg ist sicher | reine formsache | nur eine formsache | ihr geld ist
        sicher | wird steigen | steigt garantiert | bleibt für immer | ein leben lang | lebenslang | wird nicht
        erhöht/teurer/steigen | ohne komplikationen | schmerzfrei | geht gut | alles gut gehen | wird klappen | klappt
        bestimmt | klappt sicher | machen sie sich keine gedanken ... bezahlt/bewilligt | stehen/stehe ... gerade |
        haften | zusichern | zugesichert | versichern ihnen/dass | ich versichere ihnen | in jedem fall
        versichert/gedeckt/bezahlt/bewilligt | in jedem fall | versprochen | so gut wie
        sicher/bewilligt/bezahlt/genehmigt | hundert prozent | 100 prozent | geht nie kaputt | nie kaputt | wird nie |
        kann nichts passieren | garantiert | sie gewinnen | wir bürgen | bürgen/bürge | stehe/stehen dafür ein | dafür
        stehen wir | hand ins feuer | versicherung/kasse/krankenkasse zahlt/bezahlt/übernimmt | zahlt ...
        versicherung/kasse | rundum versichert/abgesichert | tragen/trage die? volle? verantwortung/haftung/risiko |
        verantwortung übernehm* | bekommen/erhalten den kredit/die hypothek/das visum/die stelle/den zuschlag | wird ...
        zugelassen/angenommen/bewilligt/genehmigt | ist ihnen sicher | <percent> rendite | ohne verlustrisiko |
        verlustfrei | einwandfrei funktionieren | garantier* | garantie | verspreche/versprechen/versprochen |
        zusichern/zugesichert/sichern/sichere ... zu | zusicherung | risikolos* | risikofrei* | ohne jedes? risiko |
        kein/keinerlei/null risiko | kein/keinen/keine verlust/verluste | nichts verlieren | <percent> sicher | mit
        sicherheit | ganz sicher | auf jeden fall | auf alle fälle | hundertprozentig* | haften/hafte/haftet | haftung |
        übernehmen/übernehme/übernimmt die? sämtliche? alle? volle? vollumfängliche?
        kosten/haftung/verantwortung/schaden/behandlungskosten | kommen für ... auf |
        antrag/gesuch/kredit/schaden/schadenfall/hypothek/kreditantrag/visum ...
        bewilligt/genehmigt/angenommen/akzeptiert/bezahlt/durch | darauf können sie sich verlassen | verlassen sie sich
        | sind/ist/bleibt ... versichert/gedeckt | deckt alle*/sämtliche*/den/die/ihren | geht ... durch | kann nichts
        schief* | bin ich sicher | <duration> garantie | sorgenfrei | vollumfänglich ... haft*/gedeckt | ist
        genehmigt/bewilligt | heilt sie | lebenslange garantie
    """,
    "CASE": """
        *gesuch | *antrag | *begehren |
        gericht/richter/behörde/botschaft/vorstand/kommission/vermieter/arbeitgeber/bank/versicherung/kasse |
        mietverhältnis/mietvertrag/vertrag/abo/aufenthalt |
        antrag/antrags/gesuch/kredit/kreditantrag/hypothek/visum/bewilligung/fall/beschwerde/einsprache/schaden/schadenfall/forderung
        | anlage/fonds/portfolio/aktien/aktie/geld/kapital/ersparnisse/einlage | operation/eingriff/behandlung/therapie
        | prüfung/projekt/reparatur/plan/zulassung/aufnahme/konto/karte/versicherung/police/prozess/klage |
        angebot/gebot/bestellung/platz/buchung/reservation/reservierung | sie
    """,
    "OUTCOME": """
        zu ihren gunsten | sagt ja | stimmt/stimmen zu | zustimmen | recht bekommen/geben | gibt/geben ihnen recht |
        verlängert | erneuert | freigegeben | wiederhergestellt | kommt/kommen durch | geht/gehen durch |
        bewilligt/genehmigt/angenommen/akzeptiert/gutgeheissen/übernommen/zugelassen | gelingen/gelingt | klappt/klappen
        | erfolgreich/erfolg | bestehen/besteht | gewinnt/gewinnen | gesund | steigt/steigen | bestätigt | durchkommen |
        zahlt sich aus
    """,
    "FAIL": """
        verlieren/verliert/verlierst | sinkt/sinken | fällt/fallen | steigt/steigen | scheitern/scheitert | misslingt |
        kaputt | abgelehnt | teurer | schlechter | verschlechtert | enttäuscht | bereuen | schiefgehen | passieren |
        abgewiesen | zurückgewiesen | undicht
    """,
    "FEE": """
        *gebühr | *gebühren | kosten | *kosten | spesen | zuschlag | busse | zins | zinsen | *zins | betrag | pauschale
        | miete | selbstbehalt | porto | franken | euro
    """,
    "CHARGE": """
        erhoben/erheben | verrechnet/verrechnen/verrechne | berechnet/berechnen/berechne | belastet/belasten | fällig |
        anfallen/fällt/fallen | verlangt/verlangen/verlange | eingezogen/einziehen | zahlen/bezahlen/zahlt | in rechnung
        | geschuldet | abgezogen | gefordert
    """,
    "CONTRACT_S": """
        als festen/bindenden/verbindlichen ... vertrag/zusage/angebot | als ... vertrag ansehen/betrachten |
        förmliche/formelle/offizielle/verbindliche annahme/bestätigung/zusage | annahme ihrer/ihres
        bestellung/angebots/offerte | betrachten sie dies als | betrachten sie das als | mit ...
        bedingungen/konditionen/forderungen einverstanden | einverstanden mit ... bedingungen/konditionen/forderungen |
        bedingungen einverstanden | vereinbarung/vertrag gilt/ist bereits/ab/schon/jetzt/damit/somit | bereits in kraft
        | tritt heute/sofort/jetzt in kraft | ihre bedingungen sind akzeptiert | verbindliche
        verpflichtung/erklärung/vereinbarung | kommt ... vertrag ... zustande | vertrag zu diesem preis | verpflichtung
        unserer | rechtlich/juristisch/vertraglich/formell
        durchsetzbar*/verbindlich*/bindend*/gültig*/verpflichtet/wirksam* | vertrag/vereinbarung/abmachung ... zwischen
        uns | zwischen uns ... vertrag/vereinbarung/abmachung | stellt ... vertrag/angebot/zusage ... dar | verpflichten
        uns | verpflichte mich | verpflichtet sich | gültiger vertrag | ihre/die bedingungen ...
        an/annehmen/akzeptieren/akzeptiert | bedingungen annehmen | nehmen ihre bedingungen | ein wort | ein mann ein
        wort | im namen der firma/bank/gesellschaft ... bestätige/akzeptiere/nehme/vereinbare | diese e? mail/nachricht
        gilt/ist ... vertrag/zusage/bestätigung/offerte/beweis | gehen ... vertrag ein | vertrag eingehen | schliessen
        ... vertrag | verbrieft | versprochen ist versprochen | sie können uns beim wort nehmen | beim wort nehmen | uns
        bindend | hiermit ... vertrag/vereinbarung/verpflichten/zusage/angenommen/zu | vertrag ist/gilt als?
        geschlossen/zustande/abgeschlossen/perfekt | vertraglich zugesichert | damit steht der vertrag | verpflichtet
        uns | ist besiegelt | besiegelt | mein/unser ehrenwort | ehrenwort | gilt als angenommen | kein zurück mehr | es
        gibt kein zurück | wir stehen im wort | unsere zusage | meine zusage | rechtlich bindend/verpflichtend/gebunden
        | das ist amtlich | verbindlich | verbindliche | verbindlicher | verbindliches | verbindlichen
        zusage/offerte/angebot/vertrag | verbindlichem | rechtsverbindlich* | bindend* | abgemacht | einverstanden ...
        handel/deal/gilt | der handel gilt/steht | der deal gilt/steht | deal !/, | mein/unser wort | keine? rücknahme |
        rückzieher ausgeschlossen | kein/ohne zurück | gilt als vertrag | ist ein vertrag | vertrag/vereinbarung ...
        zustande/geschlossen/abgeschlossen | hiermit
        bestätigen/vereinbaren/verpflichten/versprechen/nehmen/verpflichte/bestätige | unwiderruflich* | betrachten sie
        es/das als | verpflichten/verpflichte uns/mich | nehmen/nehme ihr/das angebot an | schlagen/schlage ein |
        rechtskräftig* | rechtsgültig* | schwarz auf weiss | per handschlag | kein zurückrudern | steht fest | so gut
        wie erledigt | nageln sie uns
    """,
    "TERMS_S": """
        vertrag/abo/mitgliedschaft ... aufgelöst/gekündigt/beendet/aufgehoben/annulliert | kündigungsfrist ... nicht |
        kündigungsfrist entfällt | müssen/brauchen ... kündigungsfrist nicht | per sofort | ohne frist | sofort kündigen
        | vorzeitig ... kosten/gebühr/entschädigung | früher ... aussteigen | aussteigen/austreten ...
        ohne/gratis/jederzeit | lösen/löse ... vertrag ... auf | lassen sie ... aus dem vertrag | aus dem vertrag |
        alte* konditionen | gleichen konditionen | verlängern/verlängere ... vertrag |
        vertrag/abo/abonnement/mitgliedschaft ...
        jederzeit/sofort/vorzeitig/fristlos/kündigungsfrist/ausstieg/aussteigen | kündigen/kündigung/aussteigen/auflösen
        ... ohne/jederzeit/fristlos/sofort | ohne kündigungsfrist | aus dem vertrag entlassen | entlassen sie |
        jederzeit ... kündbar/kündigen/auflösen | verkürzen/verkürze ...
        vertrag*/laufzeit/mindestlaufzeit/vertragslaufzeit | verlängern ihren vertrag | keine mindestlaufzeit | keine
        kündigungsfrist | *laufzeit auf <duration> | ohne vertragsstrafe
    """,
    # How figures are spoken of again, whom something holds for, and what begins another clause.
    "FULL": """
        vollständig | alles | voll/volle/vollen/vollem | vollumfänglich | ganz/ganze/ganzen | sämtliche* | komplett* |
        gesamt* | restlos
    """,
    "REFER": """
        es | diesen/dieser/diese/dieses/den/der betrag/summe/geld/gebühr/beitrag/preis | ihn | sie | das | den | die |
        diese | diesen | dies
    """,
    "TALLY": """
        es handelt sich um | das sind | es sind | das macht | insgesamt | der betrag/die ist/beträgt/beläuft | er/sie/es
        beträgt/beläuft/macht | nämlich | und zwar | in der höhe | dies entspricht
    """,
    "GROUP": """
        anwohner* | *mitglied* | abonnent* | bewohner* | einwohner* | gruppe/gruppen | student* | studier* | kinder* |
        kind | lernende* | lehrling* | rentner* | senior* | mitglied* | stammkund* | neukund* | gold* | premium* |
        mitarbeit* | familien | unter <number>/<duration> | ungeöffnet* | geöffnet* | defekt* | einheimisch* |
        jugendlich* | auszubildende* | bestandskund*
    """,
    "RESTRICT": """
        kunden/kundinnen/gäste/personen/passagiere/reisende/patienten/mitglieder/versicherte/alle/jene/haushalte ,
        die/deren | kunden/gäste/personen/mitglieder mit/ohne/ab/unter | nur für | ausschliesslich für
    """,
    "BUT": """
        aber | jedoch | sondern | stattdessen | , dafür | hingegen | dennoch | trotzdem | allerdings | ausserdem |
        zusätzlich | zudem | obwohl | während
    """,
    "AND": "und",
}
