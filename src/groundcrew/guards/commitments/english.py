"""English wordings of commitments and of what takes them back; written as `words.Phrases` reads them."""

from __future__ import annotations

from groundcrew.guards.commitments.words import word_set

STOP = word_set(
    """the and for you your our will with that this are was have has had can may from not but any all per yes hello dear please
    thank thanks would also been being its his her their they them then than there here just only very within under into
    onto over out off about which what when where who whom how why shall should could might must we us i me my it is a an of
    in on at to by as be do does did if or so no nor up one each every some such more most other own same after before
    during until once"""
)

LISTS = {
    # Who speaks and who is spoken to.
    "FIRM": """
        our support/service/technician/experts/staff/people/office/accounting | the team | my team | our customer | we |
        i | our bank/company/firm/team/airline/shop/store/hotel/clinic/dealership | the
        bank/company/firm/airline/insurer | the dealership/hotel/hospital/clinic | my
        manager/colleague/colleagues/supervisor | us
    """,
    "YOU": "you | your | yours",
    "FUTURE": "will | shall | are/is/am going to | are/is/am about to",
    # What takes a commitment back, makes it less than one, or tells that it is none.
    "NEGATION": """
        reject/rejects/rejected | not | no | never | neither | nor | none | nothing | unable | nobody |
        refuse/refuses/refused | hardly | impossible | declined/decline/declines | ineligible | without any obligation |
        far from | excluded | no longer
    """,
    "NEUTRAL": """
        guarantee/warranty card/slip/certificate/form/booklet/documents/period/claim | check up/ups | gift
        wrap/wrapping/box/shop/wrapped | gift card holder | choice/decision/turn is yours | legally/contractually?
        binding answer/advice/information/opinion/statement/translation | binding answer/advice/information/opinion | no
        problem* | not a? problem | no worr* | not to? worry | do not worry | no need to worry | not only | no doubt |
        without a? doubt | no questions asked | no matter | no later than | do not hesitate | no hesitation | not to
        mention | why not | nothing else | no less than | not just | no ifs _ _ | no strings attached | if not sooner |
        will not be a problem | no trouble | promise/promises to be brief | not regret | no charge dispute | no need to
        do anything | do not have to do anything | nothing to worry about | do not need to do anything | not long |
        cannot wait | can not wait | no further action* | refund/refunds/return/discount/compensation/credit
        policy/form/request/requests/department/desk/team/page/section/code/process |
        refund/discount/credit/price/rate/fee request/question/enquiry/inquiry | credit
        card/cards/check/score/limit/rating/application | free time/software/space | feel free | toll free | free to |
        free wi fi | free wifi | free of errors | hands free | warranty card/booklet/form | no idea | check in/out |
        make/be sure | checked in | get/gets/getting/come/write/report back to you
    """,
    "WEAK": """
        may | might | could | perhaps | maybe | possibly | probably | likely | usually | typically | generally |
        normally | in most cases | as a rule | in principle | in general | possible | potentially | in theory | would |
        should | in some cases | tend/tends to | sometimes | often | expected to | we expect | estimate/estimated |
        hope/hopes/hoping | aim/aims/aiming | try/trying | strive/striving | do our best | roughly | around | on average
    """,
    "PLEDGED": """
        i/we would let/sell/take/accept/be | would be/am are/happy/glad/pleased/delighted happy/glad/pleased/delighted?
        to offer/give/refund/credit/waive/grant/provide/send | would like to offer/give/refund/credit/grant/send/make |
        would love to offer/give/refund/send | happy/glad/pleased/delighted to
        offer/give/refund/credit/waive/grant/provide/confirm
    """,
    "CONDITION": """
        if | unless | in case | provided that | provided you | as long as | should you | so long as | assuming | only
        for/when | on condition | subject to | as soon as | once you/we/the/your | when | depending on
    """,
    "INDIRECT": """
        whether | if you are eligible | is/are eligible | to ask/request/claim/apply/get/receive/obtain | how to | in
        order to | ask/asks/asked/asking for | apply/applies/applying for | information on/about | see our | see the
        terms/conditions/website/page/brochure | read our/the | our terms/policy
    """,
    "WISH": """
        quoted/offered/promised by | you were given | company/garage/shop/agency quoted/promised/offered | your
        complaint/complaints/remark/remarks/comment/objection/feedback/annoyance/concern about/on/regarding/over |
        complaint about | your displeasure | you were promised/offered/quoted/assured | message/letter/email/e mail
        mentions/says/states/asks | you hope/are hoping/seek | your claim/complaint/message/letter/email
        about/for/of/that | in your message/letter/email | someone/somebody told/promised | you
        ask/asked/asking/request/requested/want/wanted/demand/demanded/wish/wished/mention/mentioned/say/said/write/wrote/claim
        | you expect/expected/prefer/preferred/feel/felt/insist/insisted/think/thought/believe/hoped/hope | you were
        told | you would like | you are asking/requesting/demanding/claiming/looking | your
        request/wish/demand/question/claim for/that/about/of/to | you have
        asked/requested/demanded/claimed/mentioned/said/written | as you wrote/said | according to you | you
        quote/quoted | you would want | the customer asks/asked/wants/wanted/said | a/my colleague told/promised | you
        heard/read | you say/state/stated
    """,
    "RECORD": """
        received your claim/request/complaint | your claim/transfer/deposit of | transferred on | you have/had?
        paid/bought/ordered/purchased/spent/transferred/deposited/withdrawn | you withdrew | you owe | you were charged
        | your balance/payment/purchase/transaction | received your payment | your order of/for | your invoice of/for |
        invoice number | was/were charged/debited/booked/shipped/sent/received/deducted/withdrawn/delivered/posted/paid
        | order number | account shows | according to our records | our records | on file | was/were due | you
        originally | your last/previous | was/were | used to | dated | you had | ago
    """,
    "SOFT": """
        check/checking/checks | look/looking into | look/looking for | review/reviewing/reviews | examine/examining |
        investigate/investigating | ask my/our/the/whether | forward/forwarded/forwarding | pass/passed/passing _? on |
        submit/submitted | request/requested | see if/whether/what | find out | clarify | consider the/whether/it/your |
        discuss/discussing | escalate/escalated | evaluate | decide whether | let you know | get back to you | be in
        touch | come back to you | keep you posted/informed/updated | raise
    """,
    "OBLIGE": """
        please/kindly | you must/need/should/shall | you are required | you have to | you will need | you are
        asked/obliged/required | make sure | be sure to | customers must | must be/reach/arrive | is/are payable |
        is/are due | remember to | do not forget
    """,
    "HOURS": """
        appointment/appointments | scheduled | open from/on/until/daily/every | is/are open/closed | opening hours |
        meeting | born | valid from
    """,
    "APPROVED": """
        approved | granted | authorised | authorized | accepted | agreed | arranged | confirmed | pushed through
    """,
    "CERTAIN": """
        definitely | certainly | surely | in any case | no matter what | for sure | guaranteed | without fail |
        undoubtedly | always
    """,
    # What is promised: verbs (_V) with somebody who acts, nouns (_N) with a gift or a figure, and what stands by itself (_S).
    "GIVE": """
        give/gives/giving/gave | offer/offers/offering/offered | grant/grants/granting/granted |
        approve/approves/approved | issue/issues/issuing/issued | process/processes/processing/processed |
        send/sends/sending/sent | add/adds/adding/added | provide/provides/providing/provided |
        apply/applies/applied/applying | arrange/arranges/arranged | put | take/takes/taking/taken |
        authorize*/authorise* | make/makes/making/made | confirm/confirms/confirmed | set up/aside | throw in |
        include/includes/including | initiate/initiated | agree/agrees/agreed | pay/pays/paying/paid |
        transfer/transfers/transferred | extend/extends/extended | arranging | do | let you have | hand | honor/honour
    """,
    "GETS": """
        here is/are | enclosed | attached | get/gets/getting | receive/receives/receiving | have/has | entitled |
        eligible for | enjoy/enjoys | qualify/qualifies | find/finds | see | there is/are | is/are yours |
        benefit/benefits | be? on its/the/their way | can expect | owed | comes with
    """,
    "REFUND_V": """
        price/deposit/money/amount/fee/payment/sum ... returned/repaid/restored | pay/pays/paying for your |
        pay/pays/paying your/the taxi/hotel/meal/meals/costs/expenses/bill/fare/travel/repair/damage |
        replace/replaces/replacing your loss | cover/covers/covering the? cost/costs/expense/expenses of/for? |
        bear/bears/bearing your/the costs/fees/expenses | cover/covering your costs/fees/expenses/loss/losses/bill | pay
        your legal/medical/hotel/travel costs/fees/expenses/bill/bills |
        transferred/wired/sent/paid/credited/booked/given/handed/moved back | transfer/wire/send/pay/credit/book/hand
        ... back to/into you/your | have ... back/returned | reverse/reversed/reversing the/your/that
        charge/payment/transaction/debit | charge/payment/transaction ... be? reversed/voided | void the charge | owe
        you | settle your claim | cut/write/issue/mail/send you a check/cheque | claim/claiming back | reclaim |
        returned to you/your | be returned in | see your/the money again | out of pocket | make up for your loss | bear
        your costs | pay you back | get it back | buy it back | buy back | take it back | refund/refunds/refunding |
        be/been/being/is/are/get/gets refunded | have/has refunded | reimburs* | repay/repays/repaying/repaid |
        return/returning/returns <money> | return the/your money/amount/sum | compensat* | pay/paid/paying/pays you?
        back | give/giving/gives you? ... back | get/gets/getting ... back | be back on/in your | put/putting ... back
        on/in/to your/the | send/sending/sends ... back to your | return/returning/returns ... to your account/card |
        make you whole | cover your loss/losses/costs/expenses | indemnif* | refunded to | have ... money back |
        return/returning the? ... fee/price/deposit/payment to you
    """,
    "REFUND_N": """
        refund/refunds | reimbursement/reimbursements | money back | compensation | repayment | restitution | damages |
        payout | indemnity | chargeback
    """,
    "REFUND_S": """
        check/cheque for <money> | right to a? full? refund/compensation | entitled to a? full? partial?
        refund/reimbursement | money will be in your account | we owe you | your money back | full refund is/will |
        money will be back/returned | pay/pays/paying you <money> | transfer/transferring/send/sending/wire you <money>
        | pay/paying out <money> | <money> is/are on its/their way to you | <money> will be back | <money> compensation
        | entitled to compensation | <money> will be paid to/into | you will get/receive <money> from us
    """,
    "CREDIT_V": """
        freeze/freezing your payments | pause/pausing your payments/loan | skip a/your/the next? payment | push/pushing
        back your/the due/payment | spread ... over <duration>/<number> | pay ... in <number> _?
        installments/instalments | cancel/cancelled the remaining | absorb the/this/that | add/added/adding a/an/your
        ... to your account | tear/ripping/rip/tore up the/your/that bill/invoice | credit/credits/crediting
        you/your/the/<money>/back/it | be/been/being/is/are/have/has credited | credited to/back |
        write/writes/writing/wrote/written off | deposit/depositing <money> | put/putting <money> on/in/into/towards
        your | add/adding <money> to your | load/loading <money> | top/topping up your | defer/deferring your |
        extend/extends/extending the/your deadline/payment/due/term | postpone/postponing your/the payment |
        forgive/forgives/forgave/forgiven | knock/wipe/wiped/wiping/strike/clear/cleared/clearing your/the/it/that/this
        balance/bill/debt/fee/charge/charges/invoice | cover your bill/fee/rent/invoice | double your points/miles |
        compensate you with points
    """,
    "CREDIT_N": """
        <money> credit | credit of | instalments | installments | free
        month/months/night/nights/upgrade/ticket/gift/shipping/delivery/repair/service | <number> free | month/months
        free | extra month/year/night | rebate | miles | upgrade | credit/credits | voucher/vouchers | gift card/cards |
        goodwill | cashback/cash back | bonus | store credit | coupon/coupons | extra miles/points | payment
        holiday/extension/deferral | grace period | <number> points/miles | loyalty points
    """,
    "CREDIT_S": """
        arrears/debt/debts/balance/loan ... written/wiped off/out | arrears/debts are/is/were gone/cancelled/forgiven |
        debt/bill/invoice/balance/fine/account as settled/paid/closed/cleared/done | consider/considers/treat/treats
        the/your debt/bill/invoice/balance/fine ... settled/paid/closed/cleared | forget about that/the/this/your _?
        fee/charge/bill/invoice/fine/debt/penalty | wipe the slate | not have to worry about the/that/this
        bill/fee/charge/invoice/payment | bill/invoice/fee/charge disappear/disappears/vanish/vanishes/gone | make
        the/that/this/your bill/fee/charge/debt disappear/vanish/go | paid for by us | let us forget | we are even/quits
        | call it quits | make it up to you with | bill/invoice/debt/balance is/has gone/void/settled/forgiven/zero |
        down to zero | balance to zero | start with a clean slate | forget about the/that/this
        fee/bill/invoice/charge/payment | balance ... wiped/cleared/forgiven | debt ... is/has/are/been
        cancelled/canceled/forgiven/cleared/wiped | cancel/cancelled/canceled/cancelling the/your
        debt/invoice/bill/fee/charge/loan | take/taking care of it | take/taking/taken care of the
        bill/fee/invoice/cost/charge | bill/invoice/fee/charge is/has been? taken care of | can ignore the/this/that
        invoice/bill/fee | outstanding balance off
    """,
    "WAIVE_V": """
        waive/remove/removed/drop/dropped/cancel/cancelled/canceled/scrap/scrapped/lift/lifted/delete/deleted/eliminate/eliminated/strike/reverse/reversed/forget
        ... fee/fees/charge/charges/penalty/fine/surcharge | not charge/bill/apply/collect/impose/claim/levy/deduct/ask
        the/a/any/your/this/that/for/it/you | not be charged/applied/deducted/levied | skip the fee/charge | let you off
        | let it slide | turn a blind eye | waive/waives/waiving/waived | remove/removes/removing/removed
        it/the/your/this/that _? _? fee/fees/charge/charges/penalty/surcharge | remove/removed/removing it/that |
        reverse/reversed/reversing the/your/this/that _? fee/charge | drop/dropping/dropped the/your fee/charge/penalty
        | taken/take/took/taking ... fee/fees/charge/charges off | fee/fees/charge/charges/penalty ... taken/took off |
        cancel/cancelled/canceled/cancelling the/your/this/that _? _? fee/charge/penalty/bill/invoice | lift/lifted the
        fee/penalty/charge | fee/fees/charge/penalty ... is/been/be waived/removed/dropped/cancelled/reversed/lifted
    """,
    "DISCOUNT_V": """
        save/saves/saving <percent>/<money> | save/saves you <percent>/<money> | get/gets <percent>/<money> off | you
        save | give/giving you ... <percent>/<money>? off | bring/brings/bringing the/your price/rate ... down |
        trim/trimming | deduct/deducting/deducts <money>/<percent>/a | subtract | mark/marking down | drop/dropping
        the/your price/rate | come/coming down | reduce/reducing/reduced/lower/lowering/cut the/your _? _? by
        <percent>/<money> | take/taking ... off the/your/that price/bill/total/order | lock/locking in
        that/this/the/your price/rate | freeze/freezing the/your price/rate | split/splitting the cost/difference |
        discount/discounting the/your/it | knock/knocking/knocks <money>/<percent> | knock/knocking/knocks ... off |
        take/takes/taking/taken <money>/<percent>/a/another ... off | halve/halves/halving | slash/slashing |
        lower/lowers/lowering/lowered your/the _? _? price/rate/rent/fee/payment/premium/bill/interest |
        reduce/reduces/reducing/reduced your/the _? _? price/rate/rent/fee/payment/premium/bill/interest | cut/cutting
        your/the _? _? price/rate/rent/fee/payment/premium/bill/interest | shave ... off | price/rate/fee/rent/premium
        ... drop/drops/reduced/lowered | bring/bringing ... down to <money>/<percent>
    """,
    "DISCOUNT_N": """
        cut-price | promo rate | half-off | money off | best price | loyalty price | special/exclusive offer/deal | a
        third off | discount/discounts | <percent> off | <money> off | rebate | reduction | price cut | markdown |
        <percent> less/cheaper | <percent> price/prices | reduced/special/lower price/rate/fee/fare | mates rates | two
        for one | buy one get one | <money> less/cheaper | better price/rate/deal
    """,
    "DISCOUNT_S": """
        give/giving/offer/offering you ... price/rate/tariff | you get/receive/have/pay the/our/a _? _?
        price/rate/tariff | second/next one? at/for <percent> | at <percent> price | staff/employee/family/friends
        price/rate/discount | meet it/that | meet your price/budget | your price is our price | name your price | rock
        bottom | at cost price | at cost | below cost | steal at | price drops/falls/goes to/down | <duration> free |
        <duration> at no | match/matches/beat/beats/undercut any/every/all/their/the/whatever/it _? _?
        price/prices/quote/offer/rate/competitor* | price match | beat it by | lowest price guarantee* | match any
        competitor* | whatever ... we will beat/match
    """,
    "FREE_S": """
        included for you | free of any | at zero | without any? further? charge/cost/fee/payment | no need to pay | need
        not pay | save yourself the/that <money>/fee/charge/cost | on our account/tab/dime | paid for by us/the | we
        pay/cover it/everything/all/for | we will pay/cover/foot everything/it/all/for | consider it/this a gift | it is
        a gift | keep the change/money | without spending | free ride | not spend | not be paying | leave your wallet |
        not be? out of pocket | not charge/bill/invoice you | not charge you | never charge/bill you | costs/cost you?
        zero | zero cost/fee/fees/charge | not see a charge | no cost to you | cost to you is zero | on the company |
        courtesy of | with our compliments | no fees/fee/charge/charges at all | no fee/fees/charge/charges
        will/is/are/for/apply/applies | without paying | not cost/costs | for nothing | nothing extra | not a
        cent/penny/dime | stays free | free from now | free forever/for life | free for the/a/your |
        completely/totally/absolutely/entirely free | bill is on us | waiting for you free | free of charge | for free |
        at no cost/charge | no extra cost/charge | at no additional/extra cost/charge | on us | on the house |
        cost/costs you? nothing | will not cost/owe/pay you? a? cent/penny/dime/thing/anything | not cost you | not pay
        a/any/anything/cent/penny/the/for/extra | not have/need to pay | not be charged/billed | not charge/bill you |
        never pay | no longer pay/owe/charged | owe/owes us? nothing | pay/pays nothing | nothing to pay |
        is/are/ships/travels/ship/be/comes/come/stays free | is/are/be complimentary | our treat | my treat |
        foot/footing/pick/picking up? the? bill/tab | at our expense | not owe | no fee/fees/charge/cost/interest for
        you | ... will not be charged | free for you | you can keep it | gift from us | you have it for nothing | is/are
        on me
    """,
    "FREE_N": "free | complimentary | gift | gratis | freebie",
    "PRICE": """
        earn/earning | yield/yields | return of | let it go for | go for <money> | take <money> for | accept <money> |
        asking price | down to <money>/<percent> | drops/drop to | bill/bills/billing/invoice you | <money> a/per/each |
        set you back | worth | as low as | starting at | for just | special price | quote/quoted/quoting you | <money>
        all in | all in for | flat fee | lump sum | price/prices/priced | cost/costs | fee/fees | charge/charges/charged
        | rate/rates | fare/fares | premium/premiums | rent | for only/just <money> | for/at/only/just <money>/<percent>
        | is/are/comes/come/be to? <money> | sell/sells/selling | yours | pay/pays | interest | deductible | apr |
        tariff | membership/subscription/plan is/costs | set/sets you back | deal | listed at | buy it | down payment |
        deposit | mortgage/loan | discount | total of/is | starts/start/starting at/from | offer | quote | from <money>
    """,
    "OWNED": """
        let it/them/this/that go for <money>/<number> | take it/them home for <money>/<number> | for <money> you can/may
        take/have | yours for <money>/<number> | is/are yours | have/get/take it/the/this/that ... for <money>/<number>
        | all yours | sell/selling you ... for <money>/<number> | let you have ... for <money>/<number> | for <money> it
        is | for <money> only | give/giving you ... for <money>/<number>
    """,
    "DEADLINE": """
        you can/may/will ... <date> | you can/may ... for <duration> | you can/may ... until <date> |
        keep/keeps/hold/holds/store/stores/reserve/reserves ... for <duration> | by this time <date> | <duration> and |
        give/allow us <duration> | <date> at the | valid for <duration> | valid until <date> | stays/remains/is/are
        valid ... <duration> | good for <duration> | for another <duration> | until <date> | still ... until <date> |
        working/fixed/ready by | <duration> more | extra <duration> | by the end of | first thing <date> | in no time at
        all | <duration> or less/sooner | <date> at the very latest | <duration> from now/today | within <number> | as
        early as <date> | this very <date> | from <date> onwards | starting <date> | within/in/inside the? next?
        <duration> | in under <duration> | by the? end? of? the? <date> | by <date> | before <date> | no later than
        <date>/<duration> | not later than <date>/<duration> | on <date> | on the <date> | till <date> | at the latest |
        <date> at the latest | <date> morning/evening/afternoon/night | takes/take/taking/took up? to? at? most?
        <duration>/a | takes/take between? from? <duration> | tomorrow | overnight | <date> | after <duration> | under
        <duration> | <duration> delivery/turnaround | have/get/has up? to? <duration> to | <duration> to
        return/exchange/cancel/decide | in less than <duration> | as of <date> | <duration> ... return/money | in the
        next <duration>
    """,
    "DEADLINE_S": """
        within/inside/in the hour/day/week | the? same day | the? next day | overnight | by close of business | by
        return of post
    """,
    "ARRIVE": """
        leave/leaves | go/goes out | depart/departs | post/posted | call/calls | phone | meet | come/comes/coming |
        arrive | work/works/working | running | repaired | fixed | back online | connected | set up | operation* | on
        the way | fully | solved | hand/handed | ready | done | delivered | online | at your house/door/home/place | on
        site | in your hands/mailbox/inbox/account | start/starts | begin/begins | operate* | book* | settle* | up and
        running | live | call you | phone you | visit/visits | pick/picked up | collect* | exchange* | hand*/handed |
        replace* | expect | arrive*/arriving | deliver* | ship/ships/shipped/shipping | reach/reaches |
        send/sends/sent/sending | dispatch* | mail/mailed | resolv* | complet* | finish* | fix* | repair* | restor* |
        answer* | repl* | respon* | process* | transfer* | pay*/paid | credit* | refund* | receive* | get/gets | have |
        be there | be at | be in | be on | opened | activat* | install* | sort* | return/returned | exchange | hear from
        | back | see | show up | issue* | appear* | deal* | handle* | confirm* | cancel | land*
    """,
    "RIGHT": """
        you can/may/will pick/collect/take/fetch/have | you can/may keep/use/stay/borrow/park/store/leave |
        keep/keeps/hold/holds/store/stores/reserve/reserves/save/saves ... for <duration> |
        keep/hold/store/reserve/reserved ... until <date> | stays/remains/is/are/be valid | good for <duration> | still
        hand/apply/pay/register/cancel/return | you can/may still | have until | another <duration> | <duration> more to
        | take <duration> to pay | pay later | you can/may/could return/cancel/exchange/withdraw/apply/claim/pay |
        can/may be returned/exchanged/cancelled/canceled | you have <duration> to | you can pay | you have until |
        return window/period is | valid until | extend/extends/extending/extended
    """,
    "GUARANTEE_S": """
        no danger | no risk | no chance of/that/you | not any risk/danger | i/we am/are certain/convinced/positive |
        are/is/be insured/covered/protected against/for | insured against | protect/protects you against
        everything/all/any | assume/assumes/accept/accepts/take/takes/bear/bears ... liability/responsibility | nothing
        to fear | fear nothing | can/could/will not/never possibly? fail/lose/miss | impossible ... fail/lose/go | no
        way ... fail/lose/loses/go | nothing can/will go/happen | not possibly fail/lose | satisfied or your | or your
        money back | you will be satisfied | satisfaction guaranteed | never be disappointed | failure is impossible |
        only go up | no risk of | place/spot/job/flat/apartment/room/loan/visa/house/car is yours | is yours | will be
        a? success/successful | is a sure thing | sure thing | in the bag | rain or shine | come what may | coming
        through | my word is my bond | vouch | earn/earning/earns/make/making <percent> | yield/yields/return/returns of
        <percent> | return/yield <percent> | pain free | without complications | will heal/cure/work/pay for itself |
        cannot/can not fail | nothing will go wrong | safe with us | money is safe | as safe as | secure forever | will
        go up/rise/increase in value | double/triple your | no chance of losing | will stay/remain the same | never go
        up/rise/increase | will not go up/rise/increase/change | approval is a formality | just a formality | stand
        behind | will be there for life | for the rest of your life | will make it right | make you whole | is
        insured/covered against | will/is definitely/certainly/surely/undoubtedly | can assure/promise/guarantee you?
        that | can confirm that you will | assure you | no matter what happens/it | fully/completely
        covered/insured/protected | as good as approved/paid/done/accepted/certain/yours | for sure | for certain | one
        hundred percent | 100 percent | lifetime guarantee | will never break/fail/lose/drop | nothing can go wrong |
        zero chance | will not foreclose/sue/be/lose | will be
        approved/accepted/granted/cured/covered/successful/reimbursed/insured | you will be
        covered/approved/accepted/insured | i personally promise/guarantee | we stand by | i/we swear | you will
        win/earn/make/double/triple | earn/earns/make at least <percent>/<money> | we are/accept
        responsible/liability/responsibility | take/accept/assume/bear full/all/complete/the
        responsibility/liability/risk/costs | our insurance will pay | insurance/insurer/policy will pay/cover/reimburse
        | the bank will not | pays/pay every/all/for everything | safe as houses | never be able to lose | success
        guaranteed | guarantee/guarantees/guaranteed/guaranteeing | promise/promises/promised/promising | assure/assures
        you/that | warrant/warrants that/the | risk free | without any? risk | zero risk | can/could not/never lose |
        will not/never lose | can not go wrong | <percent> safe/secure/certain/sure | <percent> guaranteed/guarantee |
        is/are/am certain/sure/bound to | trust me | rest assured that | count on it | take my word | bet on it |
        definitely/certainly/surely/absolutely/undoubtedly/100 be?
        approved/accepted/covered/granted/paid/work/win/get/receive/pass | will/is be?
        definitely/certainly/surely/absolutely ... approved/accepted/covered/granted/paid/pass/work/reimburse* |
        application/claim/loan/request/mortgage/credit/visa will/is going to? be?
        approved/accepted/granted/paid/pass/through | got/have you covered | accept/accepts/take/takes/assume/assumes
        full? liability/responsibility | fully? liable | are/be liable for | cover/covers/covering
        every/all/whatever/everything/any | going to cover | will cover | insurance/insurer/policy/plan covers/pays |
        will win | success is certain | cured/cure you | double your money | never fail* | absolutely safe | no way you
        can lose | is/are approved | pre approved | hold you harmless | full refund guaranteed | mark my words | vouch
        for | lifetime warranty | <duration> warranty/guarantee | warranty covers/includes/of/is | is/are/be
        covered/insured
    """,
    "CASE": """
        court/judge/jury/authority/embassy/board/commission/landlord/employer/bank/insurer/insurance |
        tenancy/lease/contract/subscription/policy/residence |
        application/applications/claim/claims/request/loan/mortgage/visa/permit/case/appeal/objection/complaint |
        investment/fund/portfolio/shares/stock/bond/savings/money | operation/surgery/treatment/procedure/therapy |
        exam/test/project/repair/plan/admission/enrolment/enrollment/account/card/credit/policy/insurance/deposit/capital/lawsuit/trial
        | offer/bid/order/ticket/seat/place/booking/reservation | you
    """,
    "OUTCOME": """
        rule/rules/decide/decides/find/finds in your favour/favor | say/says yes | agree/agrees | approve/approves |
        grant/grants | accept/accepts | pay/pays | be extended/renewed/prolonged/restored/reinstated/released |
        be/is/gets/get approved/accepted/granted/successful/paid/covered/secured/confirmed/upheld/admitted |
        go/goes/going through | come/comes/coming through | succeed/succeeds | pass/passes | work/works out | pay/pays
        off | win/wins | recover/recovers fully/completely | grow/grows by | gain/gains <percent> | return/yield/earn
        <percent> | pass with | be fine/safe/perfect/ok
    """,
    "FAIL": """
        lose/loses/losing | fail/fails | fall/falls | drop/drops | sink/sinks | decrease/decreases | rise/rises |
        increase/increases | go up/down | break/breaks | leak/leaks | happen again | be
        rejected/refused/denied/declined/turned | worsen | regret | be disappointed | go wrong | end badly | be worse |
        run out | have to worry
    """,
    "FEE": """
        fee/fees | charge/charges | penalty/penalties | surcharge/surcharges | commission | fine/fines | interest |
        cost/costs | tuition | rent | deposit | postage | deductible | excess
    """,
    "CHARGE": """
        apply/applies/applied | charge/charged/charging | bill/billed/billing | levy/levied | collect/collected |
        impose/imposed | due | payable | incur/incurred/incurs | deduct/deducted | claim/claimed | debit/debited |
        invoice/invoiced | need/needs to pay | have to pay | pay/paid | owe/owed
    """,
    "CONTRACT_S": """
        treat/regard/see/view ... as a/an/our? firm/binding/official/legal? contract/agreement/promise/offer |
        formal/official/binding/written acceptance/confirmation/approval of your order/offer/bid/application? |
        acceptance of your offer/bid | consider this our/my/a/as/the | agree/agrees/agreed to/with all?/your/these/those
        of? your? conditions/terms/demands | agree to all | agreement/contract is already/now/hereby? in/effective
        force/now? | already in force | now in force | takes effect today/now/immediately | your conditions/terms are
        accepted | we are in agreement | binding undertaking/promise/declaration/statement/obligation | deemed a? _?
        binding/contract/offer | conclude/concludes/concluding a? contract/agreement | in full and final settlement |
        legally/contractually/formally/fully binding/enforceable/valid/effective/obliged/committed |
        formal/official/legal/written agreement/contract/commitment ... between/with us/you | contract/agreement/deal
        ... between us | agreement between us | contract between us | constitutes/constitute ...
        agreement/contract/offer/commitment | commit/commits ourselves/myself/itself | we commit to | as binding | we
        are legally | valid contract | accept your/these/those/the terms/offer/conditions/proposal | on behalf of the
        company/bank/firm ... confirm/accept/agree | entering into a contract/agreement | enter into a
        contract/agreement | shall be bound | are bound by | my word is | word of honour/honor | gentlemans/gentleman
        agreement | this email/message/chat/letter is/serves/counts as? _? _?
        contract/agreement/proof/confirmation/offer | we are committed to pay/honor/honour | commit/commits/committed
        ourselves/myself/us/to/itself | you may rely on this | sign/signed off on | rock solid | you have a contract |
        contract with us/you | final and binding | is/are binding | make it official | is sealed | it is a promise | you
        have our/my commitment/promise/guarantee/assurance | official commitment | legal/legally
        commitment/obligation/agreement | hold me/us to | stand in court | signed contract | contract is/was?
        concluded/made/formed/closed | no backsies | no take backs | no changing our/my mind | carved in stone | on
        behalf of the/our/my ... agree/accept/offer/commit/promise | legally/contractually binding | binding
        offer/agreement/contract/commitment/promise | no take/takesies/takesy/takes/taking/takebacks
        back/backs/backsies/backsy/it | no takebacksies/takebacks | no taking it/that/this back | no backing out | no
        going back | is/as a contract | is/was a deal | have a deal | deal is/are? done/sealed/closed | you have
        my/our/a word/deal | have my/our word | give you my/our word | consider it/this/that
        done/agreed/settled/sealed/a | done deal | that is a deal | you have got a deal | we shake on it | shake on it |
        hereby agree/accept/offer/commit/undertake | signed and sealed | i accept your offer | we accept your offer |
        accept your terms/offer | constitutes a/an _? _? contract/agreement/offer/commitment | enforceable | irrevocabl*
        | set in stone | in writing that | binding for/on us/the | legally obliged/obligated/committed | this is
        official | official offer/promise/commitment | agreed ,/!/- | deal !/, | undertake to | bound by this/it | hold
        us/me to it/that | have it in writing
    """,
    "TERMS_S": """
        no notice/cancellation needed/required/period | contract/subscription/membership/plan is/has
        hereby/now/immediately? cancelled/canceled/terminated/ended/over | contract is? cancelled/terminated/ended |
        released from | contract cancelled/ended | keep the flat/apartment/contract/plan | your contract is hereby |
        void the contract | contract is void | tear up the contract | no strings | switch/change plan* any/at/without |
        leave whenever | terminate/cancel/leave/exit/quit/end early/anytime/now ... penalty/fee/charge/cost | waive the
        notice | ignore the notice period | let you go early | free to leave/cancel/go | without penalty/notice |
        contract ends/expires today/now/immediately | end your contract | renew your contract | same terms |
        lock/locking you? in for <duration> | price guarantee | keep your/the old? terms/price/tariff/rate |
        leave/cancel/terminate/end/exit/quit/break/walk ... contract/membership/subscription/plan/lease/agreement ...
        any/anytime/today/now/without/immediately/penalty/free | out of the/your contract | walk away from |
        release/releases/releasing/released you | let/letting you out of |
        shorten/shortens/shortening/extend/extends/extending your/the contract/lease/term*/membership | without an?
        early/notice/penalty/termination | no minimum term | no early? termination fee/penalty | no cancellation
        fee/penalty | without any penalty | contract/terms ... apply from | change your contract | amend your contract |
        with <duration> notice | no notice period
    """,
    # How figures are spoken of again, whom something holds for, and what begins another clause.
    "FULL": """
        in full | whatever | everything | entire | full | all of | whole | complete | fully | completely | any amount |
        as much as
    """,
    "REFER": "it | this/that/the amount/sum/money/fee/charge/price | that | this | these | those | them",
    "TALLY": """
        it/that/this/which comes/amounts/is/will/adds/makes to/up/be? | the amount/sum/total is/will/comes | in total |
        a total of | that is <money> | altogether | namely
    """,
    "GROUP": """
        subscriber/subscribers | locals | cardholders | alumni | group/groups | teams | six or more |
        premium/gold/silver/business/corporate clients/users/accounts/plan/cards | student/students | senior/seniors |
        pensioner/pensioners | child/children/kids | member/members | gold | silver | platinum | premium
        customers/members | apprentice/apprentices | new customer/customers | uninsured | employee/employees |
        resident/residents | veteran/veterans | under <number> | families | existing customers | business customers |
        opened | unopened | faulty | defective | first time | infants
    """,
    "RESTRICT": """
        customers/clients/members/passengers/people/those/anyone/patients/guests/travellers/travelers/users/persons/drivers/households
        who/with/whose/that/without/aged/over/under | only for | exclusively for
    """,
    "BUT": """
        but | however | instead | though | although | whereas | while | on top of that | in addition | plus | yet |
        still | in return | rather
    """,
    "AND": "and",
}
