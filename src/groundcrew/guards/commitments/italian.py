"""Italian wordings of commitments and of what takes them back; written as `words.Phrases` reads them."""

from __future__ import annotations

from groundcrew.guards.commitments.words import word_set

STOP = word_set(
    """il lo la i gli le un uno una l d di del dello della dei degli delle dell da dal dalla dai dalle dall a al allo alla ai
    agli alle all in nel nello nella nei negli nelle nell con su sul sulla sui sulle sull per tra fra e ed o ma se che chi
    cui non è sono era erano essere ha ho hanno aveva avere abbiamo si ci vi ne suo sua suoi sue loro questo questa questi
    queste quest anche più molto come lei noi io mi me ti voi vostro vostra nostro nostra nostri nostre c quello quella già
    ancora sarà saranno dove quando grazie buongiorno tutto tutti tutte tutta proprio prima dopo entro verrà"""
)

LISTS = {
    # Who speaks and who is spoken to.
    "FIRM": """
        il nostro team/servizio/tecnico/ufficio/reparto | la nostra assistenza | i nostri tecnici/colleghi | il team |
        noi | io | la nostra banca/azienda/ditta/compagnia/squadra | la banca/compagnia/ditta/clinica/società/casa |
        *iamo | *remo | ci | *serò | *ierò | *derò | farò | darò | manderò | ho | abbiamo
    """,
    "YOU": """
        le | lei | gliel* | glie* | la sua | il suo | suo | sua | sue | suoi | vi | voi | ti | tu | vostr* | *rle | *rla
        | gliela/glielo | la
    """,
    "FUTURE": """
        *erà | *serò | *ierò | *derò | farò | darò | *irà | *remo | *ranno | sarà | avrà | verrà | potrà | *rà | saranno
        | avranno
    """,
    # What takes a commitment back, makes it less than one, or tells that it is none.
    "NEGATION": """
        respin* | non | nessun/nessuna/nessuno | mai | niente | nulla | né | impossibile | alcun/alcuno/alcuna |
        escluso/esclusa | rifiut* | nemmeno | neanche | purtroppo no | senza impegno
    """,
    "NEUTRAL": """
        ho/abbiamo/ha/è/hanno appena | certificato/tagliando/libretto/cartolina di garanzia | il certificato |
        il/un/al/del controllo | parere/risposta/informazione/consulenza legalmente/giuridicamente vincolante | la
        scelta/decisione è sua | sta a lei | nessun problema | nessuna preoccupazione | non si preoccupi | non solo |
        non soltanto | senza dubbio | nessun dubbio | non esiti | non c è problema | non c è di che | di niente | non si
        preoccupa | modulo/richiesta/politica/servizio/procedura di? rimborso/reso | carta/carte di credito | richiesta
        di credito/prestito | non ci sono problemi | codice sconto | buono stato | niente paura | non tema
    """,
    "WEAK": """
        forse | potrebbe/potrebbero/potremmo/potrei | eventualmente | possibile | probabilmente | di norma | normalmente
        | di solito | generalmente | in genere | in generale | in linea di massima | di regola | in teoria | solitamente
        | *erebbe | *erebbero | *eremmo | dovrebbe/dovrebbero | speriamo/spero | cerchiamo/cercheremo/cerco | proviamo |
        tentiamo | talvolta | spesso | può darsi | circa | in media | a volte | sarebbe | contiamo
    """,
    "PLEDGED": """
        vorremmo offrir*/rimborsar*/conceder*/proporr* | saremmo lieti di offrir*/rimborsar*/conceder* |
        lieti/felici/lieto/piacere di offrir*/rimborsar*/conceder*/confermar*/accreditar* | vorrei
        offrir*/rimborsar*/conceder*
    """,
    "CONDITION": """
        se | in caso di/d | qualora | purché | a condizione | a patto | quando | appena | non appena | salvo | finché |
        nel caso | a meno | solo per/se | secondo | a seconda
    """,
    "INDIRECT": """
        verific* se | chied* se | sapere se | per chiedere/ottenere/richiedere | come richiedere/chiedere | informazioni
        su/sul/sulla/sui | consult* | le nostre condizioni | presentare domanda
    """,
    "WISH": """
        le ha/hanno annunciato/promesso/offerto/indicato/preventivato |
        reclamo/lamentela/osservazione/disappunto/segnalazione su/sulle/sulla/sul/per/riguardo/riguardante | le è stato
        promesso/detto/offerto/assicurato | le hanno promesso/detto | nel suo messaggio/reclamo | nella sua lettera/mail
        | il suo messaggio/reclamo parla/menziona/di | la sua richiesta/reclamo di <money> | lei spera/ritiene |
        chiede/chiedeva/desidera/desiderava/vuole/voleva/pretende/pretendeva/scrive/dice/richiede/sostiene/vorrebbe/menziona/spera
        | si aspetta | ha/aveva chiesto/richiesto/scritto/detto/preteso/menzionato/domandato | ci ha
        chiesto/scritto/richiesto/detto | la sua pretesa di/d/è/per | la sua richiesta/domanda è | secondo lei | a suo
        dire | il cliente chiede/vuole/desidera | lei pensa/crede
    """,
    "RECORD": """
        la stiamo esaminando | compilare | è costato | ha/aveva
        pagato/versato/acquistato/ordinato/speso/bonificato/saldato/comprato | il suo
        saldo/pagamento/acquisto/bonifico/ordine | la sua fattura/ordinazione | dai/dei/nei nostri registri/archivi/dati
        | risulta | abbiamo ricevuto | è stato/stata | sono stati/state | era/erano | addebitato/addebitati | del <date>
        | <duration> fa | ultimo/ultima | deve ancora | abbiamo spedito/inviato
    """,
    "SOFT": """
        controlliamo/controllerò/controlleremo/controllerà/controllare | verific* | chied* ai/al/alla/se | esamin* |
        valut* | inoltr* | approfond* | ricontatt* | faremo/farò sapere | trasmess*/trasmett* | informer* | aggiorn* |
        discut* | analizz* | contatt* | girato | è ora all/al/presso | indag* | tenerla al corrente | segnal*
    """,
    "OBLIGE": """
        la preghiamo | si prega | per favore | per cortesia | deve/dovrà | è tenuto/tenuta | bisogna | occorre | si
        ricordi | si assicuri | devono essere | deve essere | va pagat*/saldat*/inviat* | è/sono da
        pagare/saldare/versare | da pagare | ci invii/mandi/spedisca | ci chiami | non dimentichi | notare
    """,
    "HOURS": """
        appuntamento | fissato | aperto/aperta/aperti/chiuso/chiusa | orari | orario | riunione | nato/nata
    """,
    "APPROVED": """
        approvato/approvata | accettato/accettata | autorizzato/autorizzata | concesso/concessa | confermato/confermata
        | disposto
    """,
    "CERTAIN": """
        certamente | sicuramente | di sicuro | di certo | in ogni caso | senz altro | garantito | immancabilmente
    """,
    # What is promised: verbs (_V) with somebody who acts, nouns (_N) with a gift or a figure, and what stands by itself (_S).
    "GIVE": """
        aggiungere | conced* | offr* | *diamo | damo/diamo/do/dà/daremo/darò | riconosc* | assegn* | invi* | aggiung* |
        aggiunt* | eroghi*/erog* | approv* | conferm* | facci*/faccio/facciamo/faremo/fare |
        versiamo/verseremo/verserò/versato/versata/versa/versare | emett* | mettiamo/metto/metteremo | dispon* |
        autorizz* | applic* | accord* | regal* | predispost* | procede*/procediamo | lasci* | dispost*
    """,
    "GETS": """
        ecco | in allegato | allegat* | ricev* | avrà/ha/avere | ottien*/otterrà | spett* | diritto | benefici* |
        torn*/torneranno | c è | ci sono | troverà | gode/godrà | usufru*
    """,
    "REFUND_V": """
        la/le rimborso | rimborsat* | prezzo/cauzione/denaro/importo ... restituit*/rimborsat*/reso | le
        pagheremo/paghiamo le/il/lo/la/i spese/taxi/albergo/hotel/pasti/viaggio/biglietto/riparazione |
        copriremo/copriamo le/i spese/costi | farsi carico | farci carico | si fa/facciamo carico | farà/faremo carico |
        a carico nostro | copr* le sue spese | accollarsi/accolliamo | rimand* ... soldi/denaro/<money> | soldi ...
        rimand* | glieli rimandiamo/ridiamo/rendiamo/restituiamo | riced* | riavere/riavrà/riavrete | riotten* | annull*
        l? addebito/pagamento | storn* l? addebito/importo | le dobbiamo | ricompens* | compens* | ripag* |
        ridare/ridiamo | rimett* ... conto | ricompr* | riacquist* | rientr* delle spese | ritorn* ...
        soldi/denaro/importo | coprire/copriamo le sue spese | restituzione | rimbors* | restitui* |
        ridiamo/ridare/ridò/ridaremo/ridarò/ridarle | risarci* | indennizz* | riaccredit* | torn* in tasca | rifond* |
        torn* ... <money> | rend*/rendiamo/renderemo <money>
    """,
    "REFUND_N": """
        rimborso/rimborsi | risarcimento/risarcimenti | indennizzo/indennizzi | restituzione | compensazione | soldi
        indietro | indennità
    """,
    "REFUND_S": """
        assegno da/di <money> | diritto al/a un? rimborso/restituzione/risarcimento/indennizzo | diritto alla
        restituzione | rimborso ... approvato/accettato/autorizzato/disposto/concesso | le dobbiamo <money> | sarà ...
        rimborsat* | riavrà | soldi indietro | denaro indietro | verserò/verseremo/versiamo <money> | le
        paghiamo/pagheremo <money> | le torneranno
    """,
    "CREDIT_V": """
        rateizz* | dilazion* | sospend* ... rate/pagamenti | dimentic* le spese/la mora/la fattura | aggiung* ... conto
        | aggiunto/aggiungo/aggiungiamo <money>/un/una | cancell* | estingu* ... debito | pagare ... in <number> rate |
        spost* ... scadenza | accredit* | rinunci* ... alla/alle/allo/al/ai/a | storn* | prorog* | posticip* ...
        pagamento/scadenza | cancell* ... debito/fattura/bolletta/penale/mora | azzer* ... debito/saldo | annull* ...
        fattura/bolletta/mora/debito | raddoppi* ... punti/miglia
    """,
    "CREDIT_N": """
        <number> miglia/punti | <money> di credito | mese/mesi gratis/gratuito/gratuiti/omaggio | <duration>
        gratis/gratuiti/in | punti fedeltà | upgrade | credito sul | buono | coupon | notte omaggio | rate senza |
        buono/buoni da/di/acquisto/sconto/regalo/per/del | voucher | gesto commerciale | bonus | accredito/accrediti |
        credito di/da | nota di credito | punti/miglia | carta regalo | cashback | dilazione | proroga
    """,
    "CREDIT_S": """
        arretrati/debiti/debito/ritardi ... cancellat*/annullat*/azzerat*/stralciat* | saldat*/chius*/estint* il/la
        suo/sua debito/fattura/conto | debito/fattura/conto/multa come saldat*/chius*/pagat*/estint* |
        consideriamo/considero saldat*/chius*/estint*/pagat* | dimentichiamo ...
        spese/mora/fattura/multa/penale/commissione | dimentichi ... spese/mora/fattura/multa/penale | mettiamoci una
        pietra sopra | una pietra sopra | tiriamo una riga | siamo pari | il debito non esiste più | la fattura
        sparisce/sparirà | non si preoccupi più | la annulliamo | l annulliamo | la fattura è/verrà
        annullata/saldata/cancellata | ci occupiamo/pensiamo noi ... fattura/conto/spese | riconosc*/riconosciamo ...
        <money> | il suo debito è/sarà | dimentichi la fattura | fattura ... annull*
    """,
    "WAIVE_V": """
        rinunci* | non le addebit* | non le applic* ... spese/commissione/penale | toglier* | annull* la/le/il/lo/l
        spese/mora/penale/commissione/addebito | cancell* la/le/il ... mora/penale/spese/commissione | senza addebitar*
        | condon* | abbuon* | azzer* | spese/costo/costi/commissione/commissioni/mora/penale/tassa ...
        annullat*/azzerat*/tolt*/cancellat*/eliminat*/rimoss*/abolit* | tolgo/togliamo/tolto/toglieremo la/le/il/lo/l/i
        mora/spese/penale/commissione/tassa/costo/sovrapprezzo | elimin* ... spese/costo/commissione/penale | esoner* |
        esent* | rimuov* ... commissione/spese/penale | rinunci* ... spese/commissione/commissioni/penale
    """,
    "DISCOUNT_V": """
        tolgo/togliamo/toglierò/toglieremo ... <percent>/<money> | levo/leviamo ... <percent>/<money> | risparmi*
        <percent>/<money> | risparmia ... <percent>/<money> | ridu* ... di <percent>/<money> |
        riduciamo/riduco/ridurremo | facciamo/faccio un prezzo | abbon* | detra* | dedu* <money>/<percent> | togl*
        <money>/<percent> | blocc* ... prezzo/tariffa | dividiamo le spese | regal* ... <duration>/mesi | tagli* ...
        prezzo/costo | ribass* | abbass* | ridu* ... prezzo/tariffa/rata/tasso/canone/premio/affitto | dimezz* | scont*
        | diminu* ... prezzo/tariffa/rata/tasso/canone | pareggi* | tolgo/togliamo/toglie <percent>/<money> | <percent>
        in meno | batt*/battiamo ... prezzo/offerta | scal* <money>/<percent>
    """,
    "DISCOUNT_N": """
        a <percent> prezzo | offerta speciale | prezzo speciale/scontato/stracciato/eccezionale/migliore/amico | meno
        caro | codice promo | tariffa speciale | a prezzo | sconto/sconti | riduzione | ribasso | <percent> prezzo |
        <percent> del prezzo | prezzo/tariffa ridotto/ridotta/speciale/agevolato/agevolata | <percent> di meno | <money>
        in meno | <money> di meno | agevolazione | abbuono | promozione | prezzo di favore
    """,
    "DISCOUNT_S": """
        avrà/ha/riceve/paga il prezzo/tariffa | le faccio/facciamo/offro/offriamo/do/diamo il/un/nostro _? prezzo |
        prezzo riservato | prezzo dipendenti | prezzo dei dipendenti | secondo/seconda _? a <percent> | dica il suo
        prezzo | dica lei il prezzo | a prezzo di costo | sotto costo | il prezzo scende a | costa <percent> in meno |
        il <percent> in meno | <duration> gratis/gratuiti/gratuite | regal* ... <duration> | a <percent> prezzo |
        pareggiamo il/ogni/qualsiasi prezzo | prezzo di qualsiasi concorrente | prezzo più basso garantito | battiamo
        ... prezzo/offerta/concorrenza
    """,
    "FREE_S": """
        senza ... pagare nulla/niente | senza farle pagare | senza addebitarle | per lei ... inclus*/compres* |
        inclus*/compres* per lei | non deve pagare | non li deve pagare | non la/lo/le deve pagare | non ... deve pagare
        | può risparmiare/risparmiarsi i <money> | li/lo/la/le paghiamo noi | li/lo/la/le pago io | paga la casa/ditta |
        a carico nostro | ci pensiamo noi | il conto è nostro | è regalato | tenga pure i soldi | senza tirare fuori |
        non tira fuori | non sborsa | è un omaggio | mettiamo noi | pensiamo noi a | non le cost* nulla/niente | non
        costa* nulla/niente | non le costerà | senza pagare | non paga/pagherà/pagherete/dovrà
        nulla/niente/alcun*/più/commissioni/spese | non pagano | non paga | nulla a suo carico | niente a suo carico |
        zero euro | zero costi | a costo zero | paghiamo tutto noi | paghiamo noi | le spese sono a nostro/nostre
        carico? | è compreso | è incluso | lo/la offro io | glielo/gliela offriamo/regaliamo/diamo | regaliamo | senza
        spese/commissioni | nessuna commissione | gratis | gratuit* | in omaggio | omaggio | senza costi/costo/spese |
        offre la casa | offerto dalla casa | offriamo noi | lo/la/li/le offriamo noi | lo offre | a nostre spese | a
        nostro carico | nessun costo | nessuna spesa | non ... pagare/pagherà/sborsare/sborserà/costa/costerà/spenderà
        un/nulla/niente/nemmeno/neanche/più/alcun | non ... pagare | non ... pagherà | regal* | senza alcun? costo | non
        le costa/costerà nulla/niente | a titolo gratuito | gratuitamente | nulla da pagare | niente da pagare | non ci
        deve nulla/niente | senza supplemento | zero spese | è un regalo | compreso nel prezzo | non ... un centesimo |
        le offriamo la/il/l/lo/un/una
    """,
    "FREE_N": "omaggio | regalo",
    "PRICE": """
        guadagn* | spettano/spetta | rendimento | portare via per | se la porta via |
        applichiamo/applico/applicheremo/applica | solo il <percent> | soltanto <money>/il | al prezzo di | a partire da
        | viene a | le viene | costerà | al mese | la cifra di | <money> al/alla/a | somma di | le chied*
        solo/soltanto/<money> | prezzo | cost* | tariff* | spes* | tass* | tasso | canone | premio | affitto | per
        <money>/solo/soli | a <money>/soli | al <percent> | allo <percent> | ammont* | viene <money> | vengono | si
        pagano/paga | pag* | vend* | è/sono di? <money> | è/sono di/a | addebit* | commissione | franchigia | ipotec* |
        mutuo | prestito | bastano | a soli | cediamo/cedo | viene a costare | abbonamento | rata | pari a | facciamo a
        | offriamo | preventivo | offerta | è dell <percent>
    """,
    "OWNED": """
        per <money> se lo/la porta | se lo/la porta via | per <money> può portar* | vend*/vendo/vendiamo ... per/a
        <money> | avere/avrà ... per <money> | ced*/cediamo ... per/a <money> | lasci* ... per/a <money> | è sua per |
        suo/sua per <money> | per soli? solo? <money>
    """,
    "DEADLINE": """
        può/potrà ... <date> | può/potrà ... <duration> | può/potrà ... fino <date> |
        conserviamo/conserveremo/teniamo/terremo/riserviamo/riserveremo ... <duration> | a quest ora | domani a | ci dia
        <duration> | <date> a quest | vale/valgono <duration> | valido/valida/validi/valide <duration> |
        valido/valida/validi fino | valido/valida per <duration> | ancora <duration> | per altri/altre <duration> |
        <duration> in più | resta/restano valid* | altri/altre <duration> | oggi/stesso alle | alle <date> | alle
        <number> | <date> mattina/sera | già <date> | non più di <duration> | al massimo <duration> | fra poche ore |
        dopo <duration> | entro il? la? i? le? l? e? non? oltre? <date>/<duration> | in <duration> | tra/fra <duration>
        | nel giro di <duration> | nei/nelle prossimi/prossime <duration> | nei prossimi _? <duration> | al più tardi |
        <date> | il/lo/la <date> | prima di/del <date> | fino a/al/alla? <date> | richiede da? <duration> | dura al?
        massimo? <duration> | da <date> | in meno di <duration> | ci vogliono <duration> | ha <duration> per | in soli
        <duration> | da <duration> a | occorrono <duration>
    """,
    "DEADLINE_S": """
        in giornata | entro sera | entro l ora | entro un ora | il giorno stesso | entro la settimana | dalla sera alla
        mattina
    """,
    "ARRIVE": """
        parte/partono/partirà/partiranno | chiamerà/chiama | esce/escono | telefon* | viene/vengono | funzion* |
        riparat* | di nuovo | ripristin* | online | risolto | a posto | sistem* | andrà | installat* | da lei | a casa
        sua | sul posto | inizi* | cominc* | ritir* | sostitu* | cambi* | passerà | chiam* | saldat* | liquidat* |
        sbloccat* | attivo | operativ* | in mano | consegnat* | avvi* | arriv* | consegn* | sped* | invi* | ricev* |
        avrà/avrete | versato/versata/verseremo/versiamo | rispo* | evas*/evad* | pront* | accredit* | rimbors* |
        effettu* | avverrà/avviene | vedrà | trover* | disponibil* | risol* | ripar* | install* | attiv* | richiam* |
        complet* | termin* | sarà/saranno | pagat* | verrà/verranno | liquid* | recapit* | elabor* | eseg* | sblocc* |
        fatto
    """,
    "RIGHT": """
        può/potrà ritirare/avere/prendere/venire | può/potrà tenere/usare/restare/conservare/utilizzare |
        conserviamo/conserveremo/teniamo/terremo/riserviamo/riserveremo ... <duration> | vale/valgono |
        valido/valida/validi/valide | può ancora | ancora fino | ha ancora <duration> | pagare più tardi | può/possono
        restituire/recedere/annullare/cambiare/rendere/pagare | possono essere restituiti/cambiati | ha <duration> per |
        diritto di reso/recesso/restituzione | prorog* ... termine | periodo di reso
    """,
    "GUARANTEE_S": """
        nessun/alcun pericolo | nessun/alcun rischio | sono cert*/sicur*/convint* | siamo certi/sicuri/convinti | è/sono
        assicurat*/copert*/protett* contro/per | la protegge contro tutto | impossibile che ... fallisca/perda | non ...
        può/possono fallire/perdere/andare | non può che salire/crescere/riuscire | soddisfatti o rimborsati |
        soddisfazione garantita | stia certo/certa/sicuro/sicura che | sarà soddisfatt* | nulla può andare | niente può
        andare | nessuna possibilità di perdere | è suo | è sua | sarà un successo | andrà bene | andrà a buon fine | in
        tasca | qualunque cosa accada | con ogni tempo | guadagnerà <percent>/il | rendimento del | pura formalità |
        solo una formalità | i suoi soldi sono al sicuro | soldi sono sicuri | aumenterà di valore | per sempre | tutta
        la vita | non aumenterà mai | non aumenterà | senza complicazioni | senza dolore | funzionerà di sicuro | ci
        metto la mano sul fuoco | mano sul fuoco | garantisco io | successo assicurato | ce la farà | assicurare che |
        posso assicurare/garantire | promesso | in ogni caso coperto/coperta | in ogni caso | qualunque cosa
        accada/succeda | al cento per cento | assicurazione/assicuratore/cassa/mutua pagherà/paga/rimborserà/coprirà |
        ci facciamo garanti | rispondiamo di/del/per | non si romperà mai | mai rott* | non rischia nulla/niente |
        guadagnerà | vincerà | avrà il prestito/mutuo/visto/credito/posto | otterrà ... prestito/mutuo/visto/credito |
        sarà/verrà ... approvat*/accettat*/concess*/coperto/coperta/risarcit* | pienamente/totalmente/interamente
        responsabil* | copert* per sempre | a vita | <percent> di rendimento | è come fatto | praticamente fatto |
        copert* fino | sono/è coperti/coperte/coperto | garanti*/garanzia | promett*/promess*/promessa | assicur* che |
        le assicuro | le assicuriamo | senza alcun? rischio/rischi | nessun rischio | rischio zero | privo di rischi* |
        non ... perdere/rimetterci/perderà | non può perdere | di sicuro | di certo | con certezza |
        sicuramente/certamente ... accettat*/approvat*/concess*/rimborsat* | <percent> sicuro/sicura/garantito |
        richiesta/pratica/mutuo/prestito/domanda/visto/sinistro ... sarà/verrà
        accettat*/approvat*/concess*/accolt*/rimborsat*/liquidat*/passerà | sarà/verrà
        accettat*/approvat*/concess*/accolt* | facciamo/faremo carico | ci assumiamo | assumiamo ... responsabilità |
        responsabil* di/per | copr*/copriamo tutt*/ogni/interamente/qualsiasi | è coperto/coperta/assicurato/assicurata
        | conti/contare su di? noi? | si fidi | stia sicur* | raddoppi* ... capitale/soldi | è
        approvat*/accettat*/concess* | impossibile perdere | senza rischi | garanzia di <duration> | capitale garantito
        | stia tranquill* che
    """,
    "CASE": """
        tribunale/giudice/autorità/ambasciata/commissione/padrone/datore/banca/assicurazione/cassa |
        contratto/locazione/abbonamento/soggiorno |
        richiesta/domanda/pratica/mutuo/prestito/credito/visto/permesso/caso/ricorso/reclamo/sinistro |
        investimento/fondo/portafoglio/azioni/denaro/soldi/capitale/risparmi | operazione/intervento/cura/terapia |
        esame/progetto/riparazione/ammissione/iscrizione/conto/carta/assicurazione/causa/processo |
        offerta/ordine/posto/prenotazione | lei
    """,
    "OUTCOME": """
        deciderà/deciderà/giudicherà a suo | a suo favore | dirà di sì | darà ragione | le darà ragione | accetterà |
        pagherà | concederà | prorogat*/rinnovat*/prolungat* | sbloccat* | ripristinat* | passerà/passa |
        accettat*/approvat*/concess*/accolt*/ammess*/copert* | riuscirà/riesce/successo | funzionerà bene | vincerà |
        supererà | guarirà | andrà in porto | andrà a buon fine | aumenterà/crescerà
    """,
    "FAIL": """
        perdere/perderà/perde | fallire/fallirà | scendere/scenderà/scende | calare/calerà | cadere |
        aumentare/aumenterà | salire/salirà | respinta/respinto | rifiutata/rifiutato | romperà | deluso/delusa |
        pentirà | diminuire/diminuirà | perderete
    """,
    "FEE": """
        spese/spesa | costo/costi | commissione/commissioni | penale/penali | supplemento | multa | mora | interessi |
        importo | affitto | franchigia | tassa | canone | franchi | euro
    """,
    "CHARGE": """
        sborsare/sborserà | spendere/spenderà | addebitat*/addebitare/addebitiamo/addebiteremo |
        applicat*/applicare/applichiamo | dovut*/dovuta/dovuto | prelevat*/prelevare | fatturat* | richiest* |
        conteggiat* | pagare/pagherà/paga | trattenut* | riscoss*
    """,
    "CONTRACT_S": """
        considerare ... contratto/impegno/offerta/vincolante | contratto fermo | accettazione/conferma formale/ufficiale
        | accettazione del suo/della sua ordine/offerta | consideri questo ... accettazione/conferma/impegno/contratto |
        d accordo con tutte?/tutti?/le/i? ... condizioni/richieste/termini | siamo/sono d accordo con |
        accordo/contratto è già/ora/ormai in? vigore/valido | già in vigore | entra in vigore
        oggi/subito/ora/immediatamente | le sue condizioni sono accettate | vale come impegno/contratto/offerta/promessa
        | impegno vincolante | contratto è concluso | a saldo e stralcio | giuridicamente/legalmente/contrattualmente
        esecutiv*/valid*/vincolant*/obbligat*/tenut*/impegnat* | accordo/contratto ... tra/fra noi | costituisce ...
        accordo/contratto/offerta/impegno | accordo formale/ufficiale/scritto | ci impegniamo | accett* le
        sue/queste/tali condizioni | accettiamo le condizioni | a nome della società/banca/ditta/direzione ...
        conferm*/accett* | questo messaggio/email/mail vale/è/fa ... contratto/impegno/accordo/prova/conferma | siamo
        tenuti | contratto tra noi | ci può prendere in parola | prendere in parola | parola data | stretta la mano |
        firmato e sigillato | ci vincola | vincola la | definitivo e | ci impegna | è definitivo | con la presente ...
        contratto/impegn*/accett*/offr* | contratto è concluso/chiuso/firmato/stipulato | parola d onore | promessa
        formale | impegno formale/definitivo/contrattuale/legale | è ufficiale | patto chiaro | promessa è debito |
        obbligo legale | siamo obbligati | accordo è fatto/concluso | stretta di mano | non si cambia idea |
        giuridicamente/legalmente vincolant* | vincolant* | obblig* legalmente | affare fatto | affare concluso | niente
        ripensamenti | non si torna indietro | ha/avete la mia/nostra parola | la mia/nostra parola | parola mia/nostra
        | siamo d accordo ... parola/affare | d accordo affare | vale come contratto | valore contrattuale | costituisce
        un/una contratto/offerta/impegno | costituisce contratto | mi impegno | si impegna a | irrevocabil* | accett* la
        sua offerta/proposta | consider* ... impegno/contratto/fatto | è un contratto | nero su bianco | legalmente
        obbligat*/vincolat*/tenut* | lo consideri fatto | offerta ferma | qua la mano
    """,
    "TERMS_S": """
        contratto/abbonamento ... sciolto/disdetto/annullato/terminato/rescisso/cessato | preavviso non | non ...
        preavviso | nessun preavviso | recedere ... senza | disdire ... senza | uscire ... senza | libero/libera di
        recedere/disdire/andare | chiudere ... contratto ... senza | liberiamo | sciogli* ... contratto | stesse
        condizioni | prorog* ... contratto | rinnov* ... contratto | manten* ... prezzo/tariffa/condizioni | prima della
        scadenza ... senza | recedere/uscire/disdire/rescindere/annullare/sciogliere ... contratto/abbonamento ...
        senza/subito/oggi/qualsiasi/momento/ogni/immediat*/<date> | recedere ... qualsiasi momento | senza alcuna?
        penale | senza preavviso | senza disdetta | dal contratto | liber* ... contratto | riduciamo/accorci*/ridu* ...
        durata/contratto/vincolo | prolunghiamo il contratto | nessuna penale
    """,
    # How figures are spoken of again, whom something holds for, and what begins another clause.
    "FULL": """
        completo/completa | completamente | integral* | intero/intera | interamente | tutto | quanto ha pagato | totale
        | per intero | totalmente
    """,
    "REFER": """
        questa/questo/tale/la/lo/l/il/quest somma/importo/cifra/denaro/prezzo/spesa | la | lo | li | l | gliel* | glie*
        | ciò
    """,
    "TALLY": """
        si tratta | ammonta | sono <money> | l importo è | in totale | cioè | ovvero | pari a | per un totale |
        corrisponde | è di <money>
    """,
    "GROUP": """
        abitant* | tesserat* | gruppo/gruppi | student* | sotto i | soci/socio/socia | anzian* | bambin* | pensionat* |
        nuov* client* | resident* | dipendent* | premium | gold | famigli* | non aperti | difett* | apprendist* |
        iscritt* | membr* | under | giovani | abbonat* | clienti che
    """,
    "RESTRICT": """
        clienti/persone/soci/passeggeri/viaggiatori/pazienti/assicurati/coloro/titolari che/con/senza/di/sotto |
        solo/soltanto/esclusivamente per | riservat*
    """,
    "BUT": """
        ma | però | tuttavia | invece | inoltre | in compenso | d altra parte | al contrario | comunque | eppure |
        mentre | in cambio | piuttosto
    """,
    "AND": "e | ed",
}
