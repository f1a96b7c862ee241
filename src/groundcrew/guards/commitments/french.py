"""French wordings of commitments and of what takes them back; written as `words.Phrases` reads them."""

from __future__ import annotations

from groundcrew.guards.commitments.words import word_set

STOP = word_set(
    """le la les un une des du de d l et ou mais si alors que qu qui quoi dont où ce cet cette ces c il elle ils elles nous
    vous leur leurs son sa ses mon ma mes votre vos notre nos au aux en dans par pour avec sur sous sans est sont était être
    à a ont avait avoir ne n pas plus très aussi y se s je j on merci bonjour jusqu sera seront soit tout tous toute toutes
    lui me m même après avant dès comme afin vers chez entre ainsi déjà encore soyez avez avons suis êtes"""
)

LISTS = {
    # Who speaks and who is spoken to.
    "FIRM": """
        notre/nos équipe/équipes/service/technicien/collègues/support/maison | l équipe | nous | je | j | on | notre
        banque/société/équipe/entreprise/compagnie/agence | la banque/compagnie/société/caisse/maison | *rons
    """,
    "YOU": "vous | votre | vos | te | toi | tu | ton | ta | tes",
    "FUTURE": "*rons | *rez | *ront | sera | aura | *era | *ira | va | allons | allez | vais | vont",
    # What takes a commitment back, makes it less than one, or tells that it is none.
    "NEGATION": """
        rejet* | refuser | ne pouvoir | ne pouvons/peut/peuvent/saurions/saurait | ni | pas | jamais | aucun/aucune |
        rien | impossible | refuse* | exclu/exclue | nullement | guère | plus de remboursement/remise | sans engagement
        | hélas non | personne
    """,
    "NEUTRAL": """
        bon/carte/certificat/livret de garantie | payez/paierez plus que | ne ... plus que |
        avis/réponse/renseignement/conseil/information juridiquement contraignant* | choix/décision est à vous | à vous
        de | pas de souci/soucis/problème/problèmes/inquiétude | non seulement | pas seulement | aucun
        souci/problème/doute | sans aucun? doute | n hésitez pas | pas d inquiétude | ne vous inquiétez pas | ne vous en
        faites pas | de rien | ce n est pas grave | ne tardez pas | rien à faire | pas uniquement |
        politique/formulaire/demande/service/procédure de remboursement/retour/remise/s | carte/cartes de crédit |
        demande de crédit/prêt | code promo | sans tarder | rien d autre | demande de remboursement
    """,
    "WEAK": """
        peut être | pourrait/pourraient/pourrions/pourriez/pourrais | éventuellement | possible | possiblement |
        probablement | généralement | en général | en règle générale | normalement | habituellement | d ordinaire |
        souvent | parfois | en principe | dans la plupart des cas | *erions | *erait | *eraient |
        devrait/devraient/devriez | espérons/espère | essayons/essaierons/essaie | efforçons/efforcerons | tâcherons |
        il se peut | selon les cas | envisageable | susceptible* | environ | en moyenne | sous réserve
    """,
    "PLEDGED": """
        souhaitons vous offrir/accorder/rembourser/proposer | aimerions vous offrir/accorder/rembourser/proposer |
        serions heureux/ravis de vous? offrir/accorder/rembourser | heureux/ravis/plaisir de vous
        offrir/accorder/rembourser/proposer/confirmer | voudrions vous offrir/accorder/rembourser
    """,
    "CONDITION": """
        si | s il | en cas de/d | à condition | pourvu | sous réserve | lorsque/lorsqu | quand | dès que | sauf si |
        tant que | pour autant | à moins | au cas où | uniquement pour/si | selon
    """,
    "INDIRECT": """
        savoir si | vérif* si | demande/demandons/demandé si | pour demander/obtenir/réclamer/recevoir | comment |
        consult* | informations sur | voir nos | déposer une demande | nos conditions | faire une demande
    """,
    "WISH": """
        vous a annoncé/promis/offert/proposé/indiqué | plainte/réclamation/remarque/mécontentement au/concernant/sur/à |
        votre mécontentement | on vous a promis/dit/proposé/assuré | vous a été promis* | dans votre
        message/courriel/lettre | votre message/courriel mentionne/parle | votre réclamation/demande de <money> | votre
        réclamation de | vous espérez/estimez | vous
        demandez/demandiez/souhaitez/souhaitiez/voulez/vouliez/exigez/réclamez/réclamiez/désirez/écrivez/dites/attendez/mentionnez/espérez/prétendez/sollicitez/aimeriez/voudriez
        | vous avez/aviez demandé/souhaité/exigé/réclamé/écrit/dit/mentionné/sollicité | votre
        souhait/question/réclamation de/d/concernant/sur/pour/a/est | votre demande concernant/sur/a/est | selon vous |
        d après vous | comme vous l écrivez | le client demande/souhaite/veut | à votre avis | vous
        pensez/pensiez/croyez
    """,
    "RECORD": """
        l étudions | remplir | avons reçu votre réclamation/demande | a coûté | vous avez/aviez
        réglé/payé/versé/acheté/commandé/dépensé/viré/acquitté | votre/vos
        solde/paiement/paiements/commande/virement/versement/achat | d après/selon nos registres/dossiers/données |
        a/ont été | avons reçu | était/étaient | il y a <duration> | débité/débités | facture de | du <date> | montant
        dû | dernière/dernier | jusqu ici | devez
    """,
    "SOFT": """
        vérifi* | examin* | étudi* | transm* | demand* | reviendr* | reviens | renseign* | regard* | contact* |
        recontact* | tenons/tiendrons ... informé* | soumis/soumettons | analys* | voir si | discut* | enquêt* | fera
        suivre | tiendr* ... courant
    """,
    "OBLIGE": """
        veuillez | merci de/d | prière de | vous devez/devrez/êtes tenu* | il faut | il convient | pensez à | assurez
        vous | doit/doivent être | est/sont payable*/exigible*/due/dû/dues/dus | n oubliez pas | à
        régler/payer/retourner | notez
    """,
    "HOURS": "rendez vous | fixé | ouvert*/fermé* | heures d ouverture | réunion | né/née",
    "APPROVED": """
        accepté/acceptée | approuvé/approuvée | validé/validée | accordé/accordée | confirmé/confirmée | autorisé
    """,
    "CERTAIN": """
        certainement | sûrement | à coup sûr | dans tous les cas | sans faute | assurément | forcément | garanti |
        absolument
    """,
    # What is promised: verbs (_V) with somebody who acts, nouns (_N) with a gift or a figure, and what stands by itself (_S).
    "GIVE": """
        ajouter | fait ajouter | accord* | offr* | donn* | propos* | octroy* |
        versons/verserons/verse/versé/versée/verserai/versera | envo* | ajout* | fais/faisons/ferons/fait/faire |
        consent* | approuv* | valid* | mets/mettons/mettrons | confirm* | attribu* | procéd* | rédui* | concéd* |
        appliqu* | laiss* | établi* | déclench* | émett* | part* | joins/joignons | glisse/glissons
    """,
    "GETS": """
        voici | ci joint | vous trouverez | recev* | bénéfici* | obten* | aur*/aurez/avez | profit* | droit à/au/aux |
        touch* | recevez | il y a | voilà | gagn* | jouiss*
    """,
    "REFUND_V": """
        prix/caution/argent/montant ... rendu*/restitué*/remboursé* | paierons/payons vos/votre/le/la/les
        taxi/hôtel/repas/frais/trajet/billet/réparation | couvrons/couvrirons vos/les/le frais/coûts/dépenses | remplaç*
        votre perte | prendre à sa/notre charge | prend/prenons/prendrons à sa/notre charge | prendre en charge | à
        notre/sa charge | régler vos frais | prise en charge | est/sont/sera/seront rendu* | renvoy*/renvoie ...
        argent/<money> | rend*/rendu* ... caution | argent ... renvoy* | annul* le débit/prélèvement/paiement |
        contrepass* | débit/prélèvement ... annulé | vous devons | riavoir | rachet* | dédommag* | régl* ...
        sinistre/dommage | retrouver* ... argent/somme | rentrer* dans vos frais | retourn* ...
        montant/somme/argent/<money> | prenons/prendrons en charge vos/votre | pay* vos frais | rembours* | restitu* |
        rend*/rendons/rendrons ... <money>/argent/somme/montant | rendons/rendrons/rends/rendrai | revers* | indemnis* |
        récupér* ... argent/somme/montant/<money> | remett* ... sur votre compte | recrédit* | rétroced*
    """,
    "REFUND_N": """
        remboursement* | dédommagement* | indemnité* | indemnisation* | compensation* | restitution | dommages
    """,
    "REFUND_S": """
        chèque de <money> | droit à/au un? remboursement | droit à une indemnité/indemnisation | remboursement ...
        accepté/validé/approuvé/parti/effectué/accordé/lancé | nous vous devons | vous serez ... remboursé* | argent ...
        rendu/restitué/remboursé | versons/verserons/verserai/verse ... <money> | <money> vous ser*
        reversés/versés/remboursés/rendus/restitués | verserons/versons <money> | récupérerez | vous paierons/payons
        <money>
    """,
    "CREDIT_V": """
        étal* ... <number>/<duration>/mensualités | échelonn* | suspend* ... mensualités/paiements/échéances | oubli*
        les frais/pénalités | ajout* <money>/un/une ... compte/facture | efface* | passons ... à zéro | report* | épong*
        ... dette | crédit* | fais/faisons/ferons grâce | prolong* ... délai/échéance/paiement | report* ...
        échéance/paiement | effac* ... dette/solde/facture | annul* ... facture/frais/dette/pénalité/montant | crédité*
        de | doubl* ... points/miles | reporté
    """,
    "CREDIT_N": """
        <number> miles/points | <money> de crédit | mois gratuit/gratuits/offert/offerts | <duration>
        gratuit/gratuits/offert/offerts/de plus | points de fidélité | surclassement | crédit sur | nuit offerte | avoir
        | coupon | facilités de paiement | avoir de/d | bon/bons d achat | bon/bons de/d | bon cadeau | bons cadeaux |
        geste commercial | geste | crédit de | bonus | prime de | chèque cadeau | carte cadeau | points | sursis | délai
        supplémentaire | chèque
    """,
    "CREDIT_S": """
        arriérés/dettes/dette/retards ... effacé*/annulé*/supprimé* | dette/facture/solde/amende comme
        réglé*/payé*/soldé*/clos*/éteint* | considér* ... réglé*/payée/soldé* | oublions ...
        frais/facture/amende/pénalité/dette | oubliez ... frais/facture/amende/pénalité/dette | tirons un trait | on
        efface | ardoise effacée | effaçons l ardoise | plus à vous soucier de la facture/pénalité | facture
        disparaît/disparaîtra | nous sommes quittes | nous l annulons | je l annule | la facture est
        annulée/effacée/réglée | occupons/occupe/occuperons de la facture | facture ... annul* | oublier la facture |
        oubliez la facture | votre dette est/sera
    """,
    "WAIVE_V": """
        renonç* | renonc* | frais/pénalités/pénalité ... plus/grâce | ne vous factur* pas/aucun | ne vous compt*
        pas/rien | ne vous prendrons/prenons rien/pas/aucun | renonc* à/aux | supprim* |
        frais/pénalité/pénalités/intérêts ...
        annulés/annulée/annulées/supprimés/supprimée/offerts/exonérés/levés/effacés | exonér* | dispens* | annul*
        les/vos/la/votre frais/pénalité/pénalités/intérêts | épargn* ... frais | lev* ... pénalité/frais | retir* ...
        frais/pénalité | grâce des frais | annulons
    """,
    "DISCOUNT_V": """
        économis* <percent>/<money> | économisez ... <percent>/<money> | épargnez <percent>/<money> | rédui* ...
        <percent>/<money> | réduisons/réduis/réduirons | baisse* ... <percent>/<money> | fais/faisons un prix | prix d
        ami | enl* <percent> | dédui* | déduct* | rabatt* | consent* ... <percent> | bloqu* ... prix/tarif | gel* ...
        prix | partag* les frais | baiss* | rédui* ... prix/tarif/loyer/taux/mensualité/prime/facture | divis* ... par
        deux/<number> | diminu* ... prix/tarif/loyer/taux/mensualité | align* | enlev* <percent>/<money> | retir*
        <percent>/<money> | <percent> en moins | <percent> du prix en moins | dédui* <money>/<percent> | bradons/brade
    """,
    "DISCOUNT_N": """
        offre spéciale/exceptionnelle | prix spécial/exceptionnel/imbattable | bon prix | tarif étudiant | prix de gros
        | moins cher | code promo | à prix cassé | remise* | rabais | réduction* | ristourne* | <percent> prix | demi
        tarif | <percent> tarif | tarif/prix réduit/préférentiel/spécial | <percent> de moins | escompte | promotion |
        <money> de moins | <percent> moins cher | à moitié | prix d ami | abattement
    """,
    "DISCOUNT_S": """
        vous aurez/avez/recevez/payez le prix/tarif | vous fais/faisons/offre/offrons/donne/donnons le/un/notre _?
        prix/tarif | prix du personnel | prix employé | prix famille | deuxième _? à <percent> | à <percent> prix |
        dites votre prix | votre prix sera le nôtre | à prix coûtant | prix coûtant | en dessous du prix | le prix tombe
        à | le prix passe à | rien que la moitié | <duration> offert/offerts/gratuit/gratuits/gratuites | <duration>
        vous sont offerts | align* sur/sur le | sur le prix de n importe quel concurrent | battons tous/n importe |
        moins cher que | à <percent> tarif | prix ... par deux | meilleur prix garanti
    """,
    "FREE_S": """
        sans rien facturer/payer/débourser/demander | sans vous facturer | compris*/inclus* pour vous | pour vous ...
        compris*/inclus* | pas besoin de payer | pas la peine de payer | c est nous qui payons/offrons/régalons | c est
        pour nous | à notre compte | nous payons tout/le/la/les/vos | nous prenons tout | n avez/aurez rien à
        payer/débourser | gardez l argent/la monnaie | sans débourser | c est un cadeau | sur notre note | aux frais de
        la princesse | épargn* les <money> | vous pouvez garder l argent | économiser les <money> | ne vous coûte* rien
        | ne coûte* rien | ne paierez/payez/paye aucun/rien/pas/plus | rien à votre charge | vous sont offerts/offertes
        | vous est offert/offerte | vous offre/offrirai/offrirons | pour zéro euro | aucun frais/coût/supplément | sans
        frais supplémentaires | sans rien payer | ne payez | c est nous qui payons | nous payons tout | frais sont pour
        nous/offerts | à l oeil | à titre gracieux | la note est pour nous | pas facturé/facturée | ni frais ni |
        gratuit* | gratis | offert/offerte/offerts/offertes | sans frais | à nos frais | à notre charge | c est cadeau |
        aux frais de la maison | ne ... coûte*/coûtera rien | rien à payer/débourser/régler | ne ... paierez/payez
        pas/rien/plus | pas un/de centime/sou/euro/franc | pas à payer/débourser | plus à payer | vous offrons
        la/le/les/l/votre/vos/un/une | vous offre la/le/les/l/votre/vos | la maison offre | sans supplément | sans coût
        | vous ne ... rien | aucun/aucuns frais | ne devez rien | gracieusement | zéro frais | ne vous sera pas/rien
        facturé* | en cadeau | ni frais
    """,
    "FREE_N": "cadeau*",
    "PRICE": """
        emport* | gagn* | toucher* | balles | rendement | prendrons/prenons/prends | ne ... que <percent>/<money> | au
        prix de | pour seulement | à partir de | ne vous prendrons que | reviendra | coûtera/coûteront | <money>
        par/le/la | pour la somme de | montant de | prix | coût* | tarif* | frais | taux | prime | loyer | pour <money>
        | à <money>/<percent> | revient/reviennent | s élève/élèvent | se monte/montent | factur* | vend* |
        paie*/payez/paierez | comptez | est/sont de? <money> | sont de <money> | forfait | abonnement | vous laiss* |
        prêt* | hypothèque | cotisation | passe à | contre <money> | à vous | franchise | ne ... que <money> | facture |
        débit* | proposons | offre | devis | dès <money> | hypothécaire
    """,
    "OWNED": """
        pour <money> vous l? emportez/emportez/avez | emportez ... pour <money> | vous l emportez | est/sont à vous
        pour/contre | vend*/vends/vendons ... pour/à <money> | avoir ... pour <money> | laiss*/cède/cédons ... pour/à
        <money> | pour seulement <money> | à vous pour/contre
    """,
    "DEADLINE": """
        vous pouvez/pourrez ... <date> | vous pouvez/pourrez ... <duration> | vous pouvez/pourrez ... jusqu <date> |
        gardons/garderons/conservons/conserverons/réservons/réserverons ... <duration> | à la même heure | demain à |
        donnez nous <duration> | laissez nous <duration> | valable/valables/valide <duration> | valable/valables jusqu |
        reste/restent valable* <duration> | encore <duration> | bon pour <duration> | valable/valables pendant
        <duration> | <duration> de plus | <duration> supplémentaires | aujourd hui/today à | à <date> | d ici <duration>
        | dès demain | avant la fin | au plus tard | dans une heure | <date> matin/soir/midi | pas plus de <duration> |
        dans <duration> | dans/sous/en les? <duration> | dans les <duration> | dans les? trois? prochains/prochaines
        <duration> | sous <duration> | d ici à? au? le? <date>/<duration> | avant le? la? <date> | au plus tard le?
        <date> | pour <date> | le/la <date> | <date> | jusqu au? à? <date> | prend*/prendra de? <duration> | en
        <duration> | en moins de <duration> | après <duration> | dès <date> | d ici la? <date> | dans un délai de
        <duration> | les <duration> qui suivent | prochaines <duration> | au bout de <duration> | prend de? <duration> |
        pendant <duration>
    """,
    "DEADLINE_S": """
        le jour même | dans la journée | dans la semaine | sous huitaine | sous quinzaine | du jour au lendemain | dans
        l heure
    """,
    "ARRIVE": """
        part/partent/partira/partiront | appell*/appelera | sort/sortent/sortira | téléphon* |
        viendra/viendrons/vient/viennent | passera | fonctionn* | march* | réparé | remis | de nouveau | prêt | en ligne
        | rétabl* | réglé | résolu | installé | chez vous | sur place | commenc* | déposé | récupérer* | remplac* |
        échang* | passera/passe | appeler* | rembours* | réglé/réglée | débloqué | mis en service | actif | aurez |
        disponible | arriv* | livr* | envo*/enverrons/enverrai | expédi* | recev*/reçoi* | aurez/aura | sera/seront |
        versé/versée/versés/versons/verserons | répond*/réponse* | trait* | effectu* | remis* | prêt/prête/prêts |
        trouver* | parvien* | crédit* | résol* | répar* | install* | activ* | lieu | verrez | rappel* | termin* |
        rétabli* | clôtur* | prend | payé* | règl* | fait/faite | parti* | donner* | débloqu*
    """,
    "RIGHT": """
        vous pouvez/pourrez reprendre/retirer/récupérer/avoir/venir | vous pouvez/pourrez
        garder/utiliser/rester/conserver/emprunter | gardons/garderons/conservons/conserverons/réservons/réserverons ...
        <duration> | valable/valables/valide | vous pouvez encore | encore jusqu | avez encore <duration> | payer plus
        tard | délai supplémentaire | vous pouvez/pourrez retourner/rendre/échanger/annuler/résilier/renvoyer/payer |
        peuvent être retournés/échangés/rendus | vous avez <duration> pour | droit de retour | délai de
        retour/rétractation | prolong* ... délai
    """,
    "GUARANTEE_S": """
        aucun danger | aucun risque | pas de danger | je suis certain*/sûr*/convaincu* | nous sommes
        certains/sûrs/convaincus | êtes/est assuré*/couvert*/protégé* contre/pour | vous protège contre tout |
        impossible ... échoue/échouer/perdre/perdiez/rate/rater | ne ... peut/peuvent/pouvez échouer/perdre/rater | ne
        ... peut/peuvent/pouvez pas échouer/perdre/rater/mal | ne peut que monter/réussir | satisfait ou remboursé |
        satisfaction garantie | soyez assuré*/certain*/sûr* que | vous serez satisfait* | rien ne peut | aucune chance
        de perdre | est à vous | sera une réussite | sera un succès | dans la poche | quoi qu il advienne | par tous les
        temps | gagnerez <percent> | rendement de <percent> | simple formalité | qu une formalité | votre argent est en
        sécurité | va augmenter | prendra de la valeur | pour toujours | toute la vie | n augmentera jamais/pas | sans
        complication | sans douleur | se passera bien | ça marchera | vous guérirez | sera guéri | je réponds | je me
        porte garant | assurés contre | succès assuré | vous réussirez | vous assurer que | je vous l assure | promis |
        dans tous les cas | quoi qu il arrive | en tout cas couvert | à cent pour cent |
        assurance/assureur/caisse/mutuelle paiera/paie/remboursera/couvrira/prendra | se porte garant* | portons garants
        | répond* de | ne tombera jamais | jamais en panne | ne risquez rien | gagnerez/gagnez | autant dire | comme si
        c était fait | c est comme fait | aurez le prêt/crédit/visa/poste | obtiendrez ... prêt/crédit/visa/accord |
        sera ... approuvé*/accepté*/accordé*/couvert*/indemnisé* | assum* | entièrement/totalement responsable* |
        garanti à vie | <percent> de rendement | garanti* | garanties de | promet*/promis/promettons | assur* que/le/la
        | je vous assure | nous vous assurons | sans aucun? risque | aucun/zéro risque | pas de risque | impossible de
        perdre | ne ... perdre/perdrez | rien à perdre | c est certain/sûr/garanti | à coup sûr |
        certainement/sûrement/forcément ... accepté*/accordé*/approuvé*/remboursé* | <percent> sûr/sûre/garanti |
        demande/dossier/prêt/crédit/visa/sinistre ... sera
        accepté*/approuvé*/accordé*/validé*/pris/remboursé*/indemnisé* | demande/dossier/prêt/crédit/visa/hypothèque ...
        passera/passe | sera/seront accepté*/approuvé*/accordé* | prenons/prendrons/prend en charge | assum* ...
        responsabilité/coûts/frais/dommages | responsables? de | couvre/couvrons/couvert/couverte
        tout/tous/toutes/entièrement/intégralement/le/la | êtes couvert* | pouvez compter sur | comptez sur nous |
        faites nous confiance | faites moi confiance | sans faute | doubl* votre argent/capital | est
        approuvé*/accepté*/accordé* | en toute sécurité | garantie de <duration> | certitude | capital garanti
    """,
    "CASE": """
        tribunal/juge/autorité/ambassade/commission/propriétaire/employeur/banque/assurance/assureur/caisse |
        bail/contrat/abonnement/séjour |
        demande/dossier/prêt/crédit/hypothèque/visa/permis/cas/recours/réclamation/sinistre |
        placement/fonds/portefeuille/actions/argent/capital/épargne/investissement |
        opération/intervention/traitement/thérapie |
        examen/projet/réparation/admission/inscription/compte/carte/assurance/procès | offre/commande/place/réservation
        | vous
    """,
    "OUTCOME": """
        tranchera/décidera/statuera en votre | en votre faveur | dira oui | donnera son accord/raison | vous donnera
        raison | acceptera | paiera | accordera | prolongé/prolongée | renouvelé/renouvelée | rétabli | débloqué |
        passera/passe/aboutira/aboutit |
        acceptée/accepté/approuvé/approuvée/accordé/accordée/validé/validée/admis/admise/couvert/couverte |
        réussira/réussite/succès | marchera | gagnera/gagnerez | réussirez | guérira/guérirez | sera un/une
        succès/réussite | fonctionnera bien | augmentera
    """,
    "FAIL": """
        perdre/perdrez/perdez | échouer/échouera | descendre/descendra/descend | baisser/baissera/baisse |
        tomber/tombera | augmenter/augmentera | monter/montera | rejeté/rejetée | refusé/refusée | cassera | déçu/déçue
        | regretter/regretterez | diminuer/diminuera | fuira
    """,
    "FEE": """
        frais | pénalité/pénalités | supplément | amende | commission | intérêts | montant | loyer | franchise | caution
        | port | taxe
    """,
    "CHARGE": """
        débourser/débourserez | facturé/facturés/facturée/facturées/facturer/facturons/facturerons |
        prélevé/prélevés/prélever | appliqué/appliquée/appliquer/applique/appliquons | dû/due/dus | exigé/exigée/exiger
        | compté/comptés/compter | débité/débités | payer/paierez/payez | réclamé/réclamés/réclamer | retenu/retenus
    """,
    "CONTRACT_S": """
        considérer ... comme | contrat ferme | acceptation/confirmation formelle/officielle/ferme | acceptation de votre
        offre/commande | considérez ceci/cela comme | d accord avec toutes?/tous?/vos ... conditions/exigences/termes |
        sommes/suis d accord avec | accord/contrat est déjà/désormais/maintenant/dès en? vigueur/valable | déjà en
        vigueur | entre en vigueur aujourd/maintenant/immédiatement | vos conditions sont acceptées | vaut
        engagement/contrat/offre/promesse/accord | engagement ferme | contrat est conclu | tient lieu de contrat | pour
        solde de tout compte | juridiquement/légalement/contractuellement
        exécutoire*/valable*/contraignant*/obligatoire*/tenu*/engagé* | accord/contrat ... entre nous | entre nous ...
        accord/contrat | constitue ... accord/contrat/offre/engagement | nous nous engageons | accord
        formel/officiel/écrit | accept* vos/ces/les/votre conditions/termes/proposition/offre | au nom de la
        société/banque/direction ... confirme/accepte/nous | ce message/courriel vaut/tient/fait/est ...
        contrat/engagement/accord/preuve/confirmation | sommes tenus | nous concluons | contrat entre nous | parole
        donnée | chose due | vous pouvez nous prendre au mot | prendre au mot | c est promis juré | promis juré | je
        signe | nous signons | nous lie | me lie | lie la | définitif et | nous engage | m engage | par la présente ...
        contrat/engage*/accept*/offre* | contrat est conclu/signé/formé/scellé | scellé par | parole d honneur |
        promesse ferme | engagement définitif/contractuel/légal | prenons l engagement | c est officiel | opposable* |
        marché est conclu | sans retour | pas de retour en arrière | tenus par | obligation légale | foi de |
        juridiquement contraignant*/contraignante | contraignant* | engage* juridiquement | engag* ... juridiquement |
        marché conclu | affaire conclue | c est entendu | ma/notre parole | ne revient/reviendra pas/plus dessus | ne
        pourra plus être retirée | offre ferme | fait office de contrat | vaut contrat | constitue* un/une
        contrat/offre/engagement | tope là | je m engage | s engage à | considérez ... comme | accept* votre
        offre/proposition | irrévocabl* | d accord ... marché | valeur contractuelle | lie/lient juridiquement | noir
        sur blanc | chose promise | c est signé | affaire est faite
    """,
    "TERMS_S": """
        contrat/abonnement ... résilié/rompu/annulé/terminé | contrat/abonnement est/sera résilié/rompu/annulé | préavis
        ... pas | pas de préavis | aucun préavis | résili* ... sans | quitter* ... sans | libre de résilier/partir |
        mettre fin ... sans/immédiatement | vous libér* | annuler* ... contrat ... sans | sortir* du contrat | avant
        terme ... sans | mêmes conditions | prolong* ... contrat/abonnement | conserv* ... tarif/prix/conditions |
        résili*/rompre/quitter/annuler/mettre/sortir ... contrat/abonnement/engagement ...
        sans/tout/immédiatement/aujourd/moment/today/<date> | résili* ... à tout moment | sans préavis | sans aucune?
        pénalité | sans engagement de durée | libér*/libérons vous? de votre/du contrat | libér* de |
        réduis*/rédui*/raccourci* ... engagement/contrat/durée | prolongeons votre contrat | sans frais de résiliation
    """,
    # How figures are spoken of again, whom something holds for, and what begins another clause.
    "FULL": """
        intégral* | totalité | tout ce que | entièrement | intégralement | complet/complète | en totalité | l ensemble |
        tout | entier/entière
    """,
    "REFER": """
        cette/ce/ces/la/le somme/montant/argent/frais/prix | la | le | les | l | cela | ça | ceux ci
    """,
    "TALLY": """
        il/elle/cela s élève | il s agit | cela fait | ce sont | soit <money> | le montant est/s | c est <money> | au
        total | à savoir | cela représente | ce qui fait
    """,
    "GROUP": """
        riverain* | habitant* | usager* | adhérent* | groupe/groupes | étudiant* | moins de <number>/<duration> |
        membre* | senior* | enfant* | apprenti* | retraité* | nouveau* client* | nouveaux | client* fidèle* | résident*
        | employé* | premium | gold | famille* | non ouvert* | défectueu* | assuré* | jeune* | abonné*
    """,
    "RESTRICT": """
        clients/clientes/personnes/membres/passagers/voyageurs/patients/assurés/ceux/titulaires
        qui/dont/avec/sans/âgés/de | uniquement/seulement/exclusivement pour | réservé*
    """,
    "BUT": """
        mais | cependant | toutefois | en revanche | par contre | néanmoins | en outre | de plus | pourtant | tandis que
        | en échange | par ailleurs | à la place | plutôt
    """,
    "AND": "et",
}
