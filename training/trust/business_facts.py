"""The facts that business.py makes passages and claims of: as a document says them, as an answer says them, and claims that are
wrong whatever the figures are. `{kind}` and `{kind2}` are slots."""

from __future__ import annotations

from typing import NamedTuple


class Fact(NamedTuple):
    """One fact of a field. `wrong` turn its direction, scope, quantifier or condition, or leave a condition out."""

    field: str
    said: tuple[str, ...]
    answers: tuple[str, ...]
    wrong: tuple[str, ...] = ()


ENGLISH: tuple[Fact, ...] = (
    Fact(
        "bank",
        (
            "The monthly fee for the {product} account is {money}.",
            "{product} account: {money} per month, debited on the last working day.",
        ),
        (
            "Your {product} account costs {money} every month.",
            "You are charged {money} a month for the {product} account.",
            "Keeping a {product} account comes to {money} monthly.",
        ),
        (
            "The {product} account is free of charge.",
            "The {product} account costs {money} per year.",
            "The bank pays you {money} a month for the {product} account.",
        ),
    ),
    Fact(
        "bank",
        (
            "The account fee is waived for customers under {age} years of age.",
            "Customers younger than {age} do not pay the account fee.",
        ),
        (
            "If you are younger than {age}, there is no account fee.",
            "Under-{age}s pay nothing for the account.",
            "The account is free until you turn {age}.",
        ),
        (
            "Nobody pays an account fee.",
            "Customers over {age} do not pay the account fee.",
            "All customers are exempt from the account fee.",
            "Customers under {age} pay a higher account fee.",
        ),
    ),
    Fact(
        "bank",
        (
            "Transfers that are entered before {hour} are executed on the same business day.",
            "The cut-off time for same-day transfers is {hour}.",
        ),
        (
            "To be carried out the same day, a transfer has to be in by {hour}.",
            "Enter your payment by {hour} and it goes out on the same business day.",
        ),
        (
            "Transfers entered after {hour} are executed on the same day.",
            "All transfers are executed the same day, whenever you enter them.",
        ),
    ),
    Fact(
        "bank",
        (
            "Cash withdrawals abroad cost {money} plus {percent} of the amount.",
            "For withdrawals outside the country we charge {money} and a commission of {percent}.",
        ),
        (
            "Taking out cash in another country costs {money} and {percent} of the sum.",
            "Abroad, each withdrawal is charged at {money} plus {percent}.",
            "A foreign withdrawal carries a fee of {money} on top of {percent}.",
        ),
        ("Withdrawals abroad are free.", "Cash withdrawals at home cost {money} plus {percent} of the amount."),
    ),
    Fact(
        "bank",
        (
            "The interest rate on the {product} savings account is {percent} per year.",
            "{product} savings: {percent} p.a., credited at year end.",
        ),
        (
            "Your {product} savings earn {percent} a year.",
            "Each year the {product} savings account pays {percent} interest.",
            "The {product} savings account yields {percent} annually.",
        ),
        ("The {product} savings account earns {percent} a month.", "You have to pay {percent} a year on your {product} savings."),
    ),
    Fact(
        "bank",
        (
            "A lost card must be reported within {days} days; later claims are not accepted.",
            "Please report the loss of your card within {days} days.",
        ),
        (
            "You have {days} days to tell us that the card is gone.",
            "The loss of a card needs to be notified no later than {days} days afterwards.",
        ),
        ("You can report a lost card at any time.", "A lost card need not be reported."),
    ),
    Fact(
        "bank",
        (
            "Early repayment of the mortgage is only possible against a penalty of {percent} of the outstanding amount.",
            "If you repay your mortgage before it ends, a fee of {percent} of the remaining sum is due.",
        ),
        (
            "Paying back the mortgage early costs {percent} of what is still owed.",
            "For early repayment of a mortgage there is a penalty of {percent} on the outstanding sum.",
        ),
        ("The mortgage can be repaid early at no cost.", "Early repayment of the mortgage is not possible."),
    ),
    Fact(
        "bank",
        (
            "The branch in {city} is open from {hour} to {hour2} on weekdays and closed on {weekday}s.",
            "Opening hours {city}: weekdays {hour} – {hour2}, closed every {weekday}.",
        ),
        (
            "On weekdays the {city} branch opens at {hour} and shuts at {hour2}.",
            "Our office in {city} does not open on {weekday}s.",
            "You will find the {city} branch open until {hour2}.",
        ),
        ("The {city} branch is open every day of the week.", "The branch in {city} is only open on {weekday}s."),
    ),
    Fact(
        "bank",
        ("The new terms take effect on {date}.", "From {date} the new general terms and conditions apply."),
        (
            "The revised conditions are valid from {date}.",
            "As of {date} new terms apply.",
            "The changed terms come into force on {date}.",
        ),
        ("The new terms expire on {date}.", "The old terms apply from {date}."),
    ),
    Fact(
        "bank",
        (
            "The daily limit of the card is {money}; on request it can be raised to {money2}.",
            "Per day you may spend up to {money}. We raise this limit to {money2} if you ask for it.",
        ),
        (
            "You can spend at most {money} a day with the card.",
            "If you ask, the daily limit goes up to {money2}.",
            "Without a request the card is limited to {money} per day.",
        ),
        (
            "You can spend at least {money} a day.",
            "The daily limit cannot be changed.",
            "The daily limit is automatically raised to {money2}.",
        ),
    ),
    Fact(
        "bank",
        (
            "Ms {person} is your adviser for pensions, Mr {person2} looks after mortgages.",
            "Contacts: pensions – {person}; mortgages – {person2}.",
        ),
        (
            "For questions about mortgages, turn to {person2}.",
            "{person} advises on pensions.",
            "Your contact for pensions is {person}.",
        ),
        ("{person} is the adviser for mortgages.", "Both advisers deal with pensions."),
    ),
    Fact(
        "bank",
        (
            "Students receive the {product} credit card without annual fee if they present a valid student card.",
            "The annual fee of the {product} credit card is waived for students with a valid student card.",
        ),
        (
            "With a valid student card you get the {product} credit card without paying a yearly fee.",
            "Students who show their student card pay no annual fee for the {product} card.",
        ),
        (
            "Everyone receives the {product} credit card without annual fee.",
            "Retired people receive the {product} credit card free with their student card.",
            "Students always pay the annual fee of the {product} credit card.",
        ),
    ),
    Fact(
        "bank",
        (
            "Complaints are answered within {days} working days by the team in {city}.",
            "The {city} team replies to every complaint in {days} working days at most.",
        ),
        (
            "You get an answer to your complaint no later than {days} working days on.",
            "Complaints are dealt with in {city}.",
            "It takes {days} working days at most until we answer a complaint.",
        ),
        (
            "Complaints are not answered.",
            "Only complaints in writing are answered within {days} working days by the team in {city}.",
        ),
    ),
    Fact(
        "insurance",
        ("The deductible for water damage is {money} per event.", "For each water damage you bear {money} yourself."),
        (
            "You pay the first {money} of any water damage yourself.",
            "Your own share of a water damage is {money}.",
            "In the event of water damage, a deductible of {money} applies.",
        ),
        (
            "There is no deductible for water damage.",
            "The insurer pays only {money} of a water damage.",
            "The deductible for water damage is {money} per year.",
        ),
    ),
    Fact(
        "insurance",
        (
            "Theft of bicycles is covered up to {money}, provided that the bicycle was locked.",
            "We pay up to {money} for a stolen bicycle if it had been locked.",
        ),
        (
            "A stolen bike that was locked is covered for at most {money}.",
            "The most that is paid for a locked bicycle that gets stolen is {money}.",
        ),
        (
            "Theft of bicycles is covered in every case.",
            "Stolen bicycles are covered up to {money}, locked or not.",
            "Theft of bicycles is not covered.",
        ),
    ),
    Fact(
        "insurance",
        (
            "A claim must be filed within {days} days of the accident.",
            "Please notify us of the accident no later than {days} days after it happened.",
        ),
        (
            "After an accident you have {days} days to file your claim.",
            "We need your notice of the accident within {days} days.",
            "Claims are to be submitted {days} days after the accident at the latest.",
        ),
        ("Claims may be filed only after {days} days.", "There is no deadline for filing a claim."),
    ),
    Fact(
        "insurance",
        (
            "The policy can be cancelled at the end of each year with {count} months' notice.",
            "Notice period: {count} months to the end of the calendar year.",
        ),
        (
            "To leave at the end of a year, give notice {count} months ahead.",
            "You have to cancel {count} months before the year ends.",
            "Cancelling the policy requires {count} months of notice.",
        ),
        ("The policy can be cancelled at any time.", "The policy cannot be cancelled."),
    ),
    Fact(
        "insurance",
        (
            "Dental treatment is reimbursed at {percent}, up to {money} a year.",
            "We cover {percent} of dental bills, at most {money} per calendar year.",
        ),
        (
            "{percent} of what the dentist charges is paid back, capped at {money} a year.",
            "For dental work you get back {percent}, with a yearly ceiling of {money}.",
            "No more than {money} is reimbursed per year for dental treatment.",
        ),
        (
            "Dental treatment is fully reimbursed.",
            "Dental treatment is reimbursed at {percent}, without a limit.",
            "At least {money} a year is paid for dental treatment.",
        ),
    ),
    Fact(
        "insurance",
        (
            "Damage caused by earthquakes is excluded from the household policy.",
            "The household policy does not cover earthquakes.",
        ),
        (
            "Earthquake damage is not insured under the household policy.",
            "If an earthquake damages your belongings, the household policy pays nothing.",
        ),
        (
            "Damage caused by earthquakes is covered by the household policy.",
            "The household policy covers every kind of natural damage.",
        ),
    ),
    Fact(
        "insurance",
        (
            "Drivers under {age} pay a surcharge of {percent}.",
            "A surcharge of {percent} applies to drivers who are younger than {age}.",
        ),
        ("If the driver is not yet {age}, the premium is {percent} higher.", "Young drivers below {age} pay {percent} more."),
        (
            "Drivers under {age} receive a discount of {percent}.",
            "All drivers pay a surcharge of {percent}.",
            "Drivers over {age} pay a surcharge of {percent}.",
        ),
    ),
    Fact(
        "insurance",
        (
            "Travel cover begins {days} days after the premium has been paid.",
            "The travel insurance starts only {days} days after we have received your payment.",
        ),
        (
            "Once you have paid, it takes {days} days for the travel cover to start.",
            "Your travel insurance is in force {days} days after payment.",
        ),
        (
            "Travel cover begins at once.",
            "Travel cover begins {days} days before the premium has been paid.",
            "Travel cover ends {days} days after the premium has been paid.",
        ),
    ),
    Fact(
        "insurance",
        (
            "Adjuster {person} inspected the damage on {date} and put it at {money}.",
            "On {date} {person} surveyed the damage; the estimate is {money}.",
        ),
        (
            "{person} estimated the damage at {money}.",
            "The inspection took place on {date}.",
            "The damage was assessed by {person} on {date}.",
        ),
        ("The damage has not been inspected yet.", "{person} refused to inspect the damage."),
    ),
    Fact(
        "insurance",
        (
            "The insured sum rises by {percent} each year to keep up with prices.",
            "Every year we raise the sum insured by {percent} to match inflation.",
        ),
        ("Each year your cover goes up by {percent}.", "To keep pace with inflation, the sum insured grows {percent} a year."),
        (
            "The insured sum falls by {percent} each year.",
            "The insured sum stays the same.",
            "The premium rises by {percent} each month.",
        ),
    ),
    Fact(
        "it",
        (
            "Passwords must have at least {count} characters and expire after {days} days.",
            "Password policy: minimum length {count}, change every {days} days.",
        ),
        (
            "A password needs {count} characters or more.",
            "You have to change your password every {days} days.",
            "After {days} days a password is no longer valid.",
        ),
        (
            "Passwords must have at most {count} characters.",
            "Passwords never expire.",
            "A password may not be longer than {count} characters.",
        ),
    ),
    Fact(
        "it",
        (
            "Version {version} of {system} no longer supports the old file format.",
            "Support for the old file format was removed in {system} {version}.",
        ),
        (
            "As of {system} {version} the old format cannot be used any more.",
            "{system} dropped the old file format with release {version}.",
        ),
        (
            "Version {version} of {system} added support for the old file format.",
            "All versions of {system} support the old file format.",
        ),
    ),
    Fact(
        "it",
        (
            "The {system} server is backed up every night at {hour}; backups are kept for {days} days.",
            "Backups of {system} run nightly at {hour} and are deleted after {days} days.",
        ),
        (
            "{system} is saved each night at {hour}.",
            "Backups of the {system} server are retained for {days} days.",
            "A backup that is older than {days} days is no longer available.",
        ),
        (
            "The {system} server is not backed up.",
            "Backups of {system} are kept for ever.",
            "{system} is backed up once a week at {hour}.",
        ),
    ),
    Fact(
        "it",
        (
            "Attachments larger than {size} MB are rejected by the mail gateway.",
            "The mail gateway accepts attachments of up to {size} MB.",
        ),
        ("You cannot mail files bigger than {size} MB.", "{size} MB is the most that an attachment may have."),
        (
            "Attachments smaller than {size} MB are rejected.",
            "There is no limit on attachments.",
            "Attachments of at least {size} MB are accepted only.",
        ),
    ),
    Fact(
        "it",
        ("Only administrators may install software on laptops.", "Software on laptops is installed by administrators only."),
        (
            "If you want a program on your laptop, an administrator has to install it.",
            "Users without administrator rights cannot install software on laptops.",
        ),
        (
            "Every employee may install software on laptops.",
            "Administrators may not install software on laptops.",
            "Nobody may install software on laptops.",
        ),
    ),
    Fact(
        "it",
        (
            "The outage on {date} lasted {count} hours and affected {big} users.",
            "On {date} the service was down for {count} hours; {big} users were affected.",
        ),
        (
            "{big} people were hit by the outage.",
            "On {date} the system could not be reached for {count} hours.",
            "It took {count} hours to end the outage of {date}.",
        ),
        ("No user was affected by the outage.", "The outage has not been resolved yet."),
    ),
    Fact(
        "it",
        (
            "To connect from home, start the VPN client before you open {system}.",
            "{system} can be opened from home only once the VPN client is running.",
        ),
        ("From home, {system} needs the VPN to be up first.", "Start the VPN before {system} when you work from home."),
        (
            "Open {system} first and then start the VPN client.",
            "From home you can use {system} without VPN.",
            "The VPN client must be closed before you open {system}.",
        ),
    ),
    Fact(
        "it",
        (
            "Tickets of priority 1 are answered within {count} hours, all others within {days} days.",
            "Reaction time: priority 1 – {count} hours; other tickets – {days} days.",
        ),
        (
            "A ticket with top priority gets a response in {count} hours.",
            "For tickets that are not priority 1 it can take {days} days.",
            "Priority 1 means an answer in no more than {count} hours.",
        ),
        ("All tickets are answered within {count} hours.", "Tickets of priority 1 are answered within {days} days."),
    ),
    Fact(
        "it",
        (
            "After {count} failed attempts the account is locked for {days} minutes.",
            "The account is blocked for {days} minutes once the password was wrong {count} times.",
        ),
        (
            "Enter a wrong password {count} times and you are locked out for {days} minutes.",
            "A locked account opens again after {days} minutes.",
            "You have {count} attempts before the account gets blocked.",
        ),
        ("The account is never locked.", "After {count} failed attempts the account is deleted."),
    ),
    Fact(
        "medical",
        ("The patient takes {dose} mg of {drug} {count} times a day.", "Medication: {drug} {dose} mg, {count} x daily."),
        (
            "{drug} {dose} mg is taken {count} times daily.",
            "The daily schedule is {count} doses of {dose} mg {drug}.",
            "The patient is on {drug}, {dose} mg {count} times per day.",
        ),
        (
            "The patient no longer takes {drug}.",
            "{drug} was stopped because of side effects.",
            "The patient takes {dose} g of {drug} {count} times a day.",
        ),
    ),
    Fact(
        "medical",
        (
            "X-ray shows a fracture of the {side} wrist; the other side is normal.",
            "Findings: fracture, {side} wrist. No fracture on the opposite side.",
        ),
        (
            "The {side} wrist is broken.",
            "There is a broken wrist on the {side} side.",
            "Imaging found a fracture in the {side} wrist.",
        ),
        ("Both wrists are fractured.", "X-ray shows no fracture.", "The ankle is fractured."),
    ),
    Fact(
        "medical",
        (
            "The patient denies chest pain but reports shortness of breath since {date}.",
            "No chest pain. Shortness of breath since {date}.",
        ),
        (
            "Since {date} the patient has been short of breath.",
            "The patient has no pain in the chest.",
            "Breathing has been difficult since {date}; chest pain is denied.",
        ),
        (
            "The patient reports chest pain.",
            "The patient has neither chest pain nor shortness of breath.",
            "The patient denies shortness of breath.",
        ),
    ),
    Fact(
        "medical",
        ("Follow-up is planned in {count} weeks with Dr. {person}.", "Next appointment: Dr. {person}, in {count} weeks."),
        (
            "Dr. {person} will see the patient again in {count} weeks.",
            "A check-up with Dr. {person} takes place in {count} weeks.",
        ),
        ("No follow-up is needed.", "Dr. {person} saw the patient {count} weeks ago."),
    ),
    Fact(
        "medical",
        ("{drug} must not be given to children under {count} years.", "{drug} is contraindicated below the age of {count}."),
        ("Children younger than {count} should not get {drug}.", "You may give {drug} only from the age of {count}."),
        (
            "{drug} is safe for children of any age.",
            "{drug} must not be given to children over {count} years.",
            "{drug} is recommended for children under {count} years.",
        ),
    ),
    Fact(
        "medical",
        (
            "The patient is allergic to {drug}; {drug2} is tolerated well.",
            "Allergies: {drug}. {drug2} was given without problems.",
        ),
        (
            "{drug} triggers an allergy in this patient.",
            "The patient can take {drug2} without trouble.",
            "There is a known allergy to {drug}.",
        ),
        ("The patient is allergic to {drug2}.", "The patient has no allergies.", "The patient tolerates {drug} well."),
    ),
    Fact(
        "medical",
        (
            "Blood pressure fell from {dose}/{age} to normal after treatment.",
            "After treatment the blood pressure, {dose}/{age} before, was normal.",
        ),
        ("Treatment brought the blood pressure down to normal.", "Before treatment, the blood pressure was {dose}/{age}."),
        ("Blood pressure rose after treatment.", "Treatment did not change the blood pressure."),
    ),
    Fact(
        "medical",
        (
            "Stop {drug} {count} days before surgery unless the surgeon says otherwise.",
            "{drug} is paused {count} days ahead of an operation, unless the surgeon decides differently.",
        ),
        (
            "Unless the surgeon says something else, {drug} is stopped {count} days before the operation.",
            "Take no {drug} in the {count} days before surgery unless told otherwise by the surgeon.",
        ),
        (
            "{drug} is always continued until surgery.",
            "Stop {drug} {count} days after surgery.",
            "Start {drug} {count} days before surgery.",
        ),
    ),
    Fact(
        "shop",
        (
            "Goods can be returned within {days} days if they are unused and in the original packaging.",
            "Returns are accepted for {days} days, provided that the item is unused and still in its packaging.",
        ),
        (
            "You have {days} days to send back something unused in its original packaging.",
            "Unused items in their packaging may be returned up to {days} days later.",
        ),
        (
            "Used goods can be returned within {days} days.",
            "Goods can be returned within {days} days in any condition.",
            "Goods cannot be returned.",
        ),
    ),
    Fact(
        "shop",
        (
            "Delivery is free for orders above {money}; below that it costs {money2}.",
            "We deliver at no charge from {money}. Smaller orders cost {money2} for delivery.",
        ),
        (
            "If you order for more than {money}, you pay nothing for delivery.",
            "Delivery of a smaller order costs {money2}.",
            "Orders over {money} are delivered free of charge.",
        ),
        (
            "Delivery is always free.",
            "Delivery is free for orders below {money}.",
            "Orders above {money} cost {money2} for delivery.",
        ),
    ),
    Fact(
        "shop",
        (
            "Model {product} weighs {count} kg and comes with a warranty of {count2} years.",
            "{product}: weight {count} kg, {count2} years of warranty.",
        ),
        (
            "The {product} has a {count2}-year guarantee.",
            "At {count} kg, the {product} is covered by warranty for {count2} years.",
            "The {product} weighs {count} kilograms.",
        ),
        ("The {product} comes without warranty.", "Model {product} has a lifetime warranty."),
    ),
    Fact(
        "staff",
        (
            "Employees have {count} days of paid leave; from the age of {age} it is {days} more.",
            "Annual leave: {count} paid days, {days} more for staff aged {age} and over.",
        ),
        (
            "Everyone on the staff gets {count} days of paid holiday.",
            "Those who are {age} or older have {days} additional days of leave.",
            "Once you reach {age}, you get {days} extra days.",
        ),
        (
            "Employees have {count} days of unpaid leave.",
            "All employees have {days} additional days of leave.",
            "Leave is cut by {days} days from the age of {age}.",
        ),
    ),
    Fact(
        "staff",
        (
            "Expenses above {money} need the approval of the head of department.",
            "The head of department must approve every expense over {money}.",
        ),
        (
            "If you spend more than {money}, your head of department has to agree.",
            "Approval by the head of department is required for costs beyond {money}.",
        ),
        (
            "Expenses below {money} need the approval of the head of department.",
            "All expenses need the approval of the head of department.",
            "Expenses above {money} need no approval.",
        ),
    ),
    Fact(
        "staff",
        (
            "Working from home is allowed on up to {count} days a week, but not during the trial period.",
            "Up to {count} days a week can be worked from home once the trial period is over.",
        ),
        (
            "After the trial period you may work at home {count} days a week at most.",
            "Home office is limited to {count} days per week.",
            "During the trial period you cannot work from home.",
        ),
        (
            "Working from home is allowed on at least {count} days a week.",
            "Working from home is allowed during the trial period.",
            "Working from home is not allowed.",
        ),
    ),
    Fact(
        "staff",
        (
            "{person} has led the {city} office since {date}; before that {person2} was in charge.",
            "Since {date} the head of the {city} office is {person}, who took over from {person2}.",
        ),
        (
            "{person} took over the office in {city} on {date}.",
            "{person2} used to run the {city} office.",
            "The head of the {city} office is {person}.",
        ),
        ("{person2} took over from {person}.", "{person2} is the head of the {city} office.", "The office in {city} was closed."),
    ),
    Fact(
        "staff",
        (
            "The survey was answered by {big} people, of whom {percent} were satisfied.",
            "{big} people took part in the survey; {percent} of them said they were satisfied.",
        ),
        (
            "{percent} of those who took part were satisfied.",
            "The survey had {big} participants.",
            "Of {big} respondents, {percent} were content.",
        ),
        (
            "All participants were satisfied.",
            "{percent} of the participants were dissatisfied.",
            "Nobody took part in the survey.",
        ),
    ),
)

GERMAN: tuple[Fact, ...] = (
    Fact(
        "bank",
        (
            "Die Kontoführung für das Konto {product} kostet {money} pro Monat.",
            "Konto {product}: monatliche Gebühr {money}, belastet am letzten Arbeitstag.",
        ),
        (
            "Für das Konto {product} zahlen Sie jeden Monat {money}.",
            "Das Konto {product} kostet Sie {money} im Monat.",
            "Monatlich fallen für das Konto {product} {money} an.",
        ),
        ("Das Konto {product} ist kostenlos.", "Das Konto {product} kostet {money} pro Jahr."),
    ),
    Fact(
        "bank",
        (
            "Kundinnen und Kunden unter {age} Jahren zahlen keine Kontogebühr.",
            "Die Kontogebühr entfällt für alle, die jünger als {age} sind.",
        ),
        (
            "Wer noch nicht {age} ist, zahlt nichts für das Konto.",
            "Bis zum {age}. Geburtstag ist das Konto gratis.",
            "Unter {age} ist die Kontoführung kostenlos.",
        ),
        (
            "Alle Kunden zahlen keine Kontogebühr.",
            "Kunden über {age} zahlen keine Kontogebühr.",
            "Kunden unter {age} zahlen eine höhere Gebühr.",
        ),
    ),
    Fact(
        "bank",
        (
            "Zahlungen, die vor {hour} erfasst werden, führen wir am gleichen Tag aus.",
            "Annahmeschluss für die Ausführung am selben Tag ist {hour}.",
        ),
        (
            "Damit eine Zahlung noch am selben Tag ausgeführt wird, muss sie bis {hour} erfasst sein.",
            "Bis {hour} erfasste Zahlungen gehen gleichentags weg.",
        ),
        ("Zahlungen nach {hour} werden am gleichen Tag ausgeführt.", "Jede Zahlung wird erst am nächsten Tag ausgeführt."),
    ),
    Fact(
        "bank",
        (
            "Bargeldbezüge im Ausland kosten {money} plus {percent} des Betrags.",
            "Für Bezüge im Ausland verlangen wir {money} und zusätzlich {percent}.",
        ),
        (
            "Wer im Ausland Geld abhebt, zahlt {money} und {percent} des Betrags.",
            "Im Ausland fallen pro Bezug {money} sowie {percent} an.",
        ),
        ("Bargeldbezüge im Ausland sind gratis.", "Bargeldbezüge im Inland kosten {money} plus {percent} des Betrags."),
    ),
    Fact(
        "bank",
        (
            "Der Zins auf dem Sparkonto {product} beträgt {percent} pro Jahr.",
            "Sparkonto {product}: {percent} Zins p. a., gutgeschrieben per Jahresende.",
        ),
        (
            "Ihr Guthaben auf dem Sparkonto {product} wird mit {percent} im Jahr verzinst.",
            "Das Sparkonto {product} bringt jährlich {percent} Zins.",
        ),
        ("Das Sparkonto {product} bringt monatlich {percent} Zins.", "Das Sparkonto {product} wird nicht verzinst."),
    ),
    Fact(
        "bank",
        ("Die neuen Bedingungen gelten ab {date}.", "Per {date} treten neue Geschäftsbedingungen in Kraft."),
        ("Ab dem {date} gelten geänderte Bedingungen.", "Die neuen Geschäftsbedingungen sind ab {date} gültig."),
        ("Die neuen Bedingungen gelten bis {date}.", "Die alten Bedingungen gelten ab {date}."),
    ),
    Fact(
        "bank",
        (
            "Die Filiale {city} ist werktags von {hour} bis {hour2} offen und am {weekday} geschlossen.",
            "Öffnungszeiten {city}: werktags {hour} bis {hour2}, {weekday} geschlossen.",
        ),
        (
            "Am {weekday} hat die Filiale {city} zu.",
            "Die Filiale {city} öffnet werktags um {hour}.",
            "Werktags schliesst die Filiale in {city} um {hour2}.",
        ),
        ("Die Filiale {city} ist jeden Tag offen.", "Die Filiale {city} ist nur am {weekday} offen."),
    ),
    Fact(
        "bank",
        (
            "Das Kündigen des Kontos ist schriftlich mit einer Frist von {days} Tagen möglich.",
            "Kündigung: schriftlich, Frist {days} Tage.",
        ),
        (
            "Sie können das Konto schriftlich kündigen und müssen {days} Tage einhalten.",
            "Die Kündigungsfrist beträgt {days} Tage.",
            "Wer das Konto auflösen will, kündigt {days} Tage vorher schriftlich.",
        ),
        ("Das Konto kann mündlich gekündigt werden.", "Das Konto kann jederzeit ohne Frist gekündigt werden."),
    ),
    Fact(
        "bank",
        (
            "Die Tageslimite der Karte beträgt {money}, auf Antrag {money2}.",
            "Pro Tag können Sie {money} ausgeben; auf Antrag erhöhen wir auf {money2}.",
        ),
        (
            "Mit der Karte sind höchstens {money} pro Tag möglich.",
            "Auf Antrag wird die Limite auf {money2} erhöht.",
            "Ohne Antrag liegt die Tageslimite bei {money}.",
        ),
        (
            "Mit der Karte sind mindestens {money} pro Tag möglich.",
            "Die Tageslimite kann nicht erhöht werden.",
            "Die Limite wird automatisch auf {money2} erhöht.",
        ),
    ),
    Fact(
        "bank",
        (
            "Frau {person} berät zur Vorsorge, Herr {person2} zu Hypotheken.",
            "Ansprechpersonen: Vorsorge {person}, Hypotheken {person2}.",
        ),
        ("Für Hypotheken ist {person2} zuständig.", "Bei Fragen zur Vorsorge hilft {person}."),
        ("{person} ist für Hypotheken zuständig.", "Beide beraten zur Vorsorge."),
    ),
    Fact(
        "insurance",
        (
            "Der Selbstbehalt bei Wasserschäden beträgt {money} pro Ereignis.",
            "Bei jedem Wasserschaden tragen Sie {money} selbst.",
        ),
        (
            "Die ersten {money} eines Wasserschadens zahlen Sie selber.",
            "Bei einem Wasserschaden gilt ein Selbstbehalt von {money}.",
        ),
        ("Bei Wasserschäden gibt es keinen Selbstbehalt.", "Die Versicherung zahlt bei Wasserschäden nur {money}."),
    ),
    Fact(
        "insurance",
        (
            "Gestohlene Velos sind bis {money} versichert, sofern sie abgeschlossen waren.",
            "Wir zahlen bis {money} für ein gestohlenes Velo, wenn es abgeschlossen war.",
        ),
        (
            "War das Velo abgeschlossen, sind bei Diebstahl bis zu {money} gedeckt.",
            "Für ein abgeschlossenes Velo, das gestohlen wird, gibt es höchstens {money}.",
        ),
        (
            "Gestohlene Velos sind in jedem Fall versichert.",
            "Velodiebstahl ist nicht versichert.",
            "Auch nicht abgeschlossene Velos sind bis {money} versichert.",
        ),
    ),
    Fact(
        "insurance",
        (
            "Ein Schaden muss innert {days} Tagen gemeldet werden.",
            "Bitte melden Sie Schäden spätestens {days} Tage nach dem Ereignis.",
        ),
        ("Sie haben {days} Tage Zeit, um den Schaden zu melden.", "Die Meldefrist für Schäden beträgt {days} Tage."),
        ("Für die Schadenmeldung gibt es keine Frist.", "Ein Schaden darf frühestens nach {days} Tagen gemeldet werden."),
    ),
    Fact(
        "insurance",
        (
            "Zahnbehandlungen werden zu {percent} vergütet, höchstens {money} im Jahr.",
            "Wir übernehmen {percent} der Zahnarztkosten bis {money} pro Kalenderjahr.",
        ),
        (
            "Von der Zahnarztrechnung erhalten Sie {percent} zurück, maximal {money} jährlich.",
            "Pro Jahr werden für Zahnbehandlungen nicht mehr als {money} bezahlt.",
        ),
        (
            "Zahnbehandlungen werden vollständig vergütet.",
            "Zahnbehandlungen werden nicht vergütet.",
            "Es werden mindestens {money} im Jahr vergütet.",
        ),
    ),
    Fact(
        "insurance",
        ("Erdbebenschäden sind in der Hausratversicherung nicht gedeckt.", "Die Hausratversicherung schliesst Erdbeben aus."),
        (
            "Bei einem Erdbeben zahlt die Hausratversicherung nicht.",
            "Schäden durch Erdbeben deckt die Hausratversicherung nicht.",
        ),
        ("Erdbebenschäden sind in der Hausratversicherung gedeckt.", "Die Hausratversicherung deckt alle Naturereignisse."),
    ),
    Fact(
        "insurance",
        ("Wer jünger als {age} ist, zahlt {percent} Zuschlag.", "Für Lenker unter {age} gilt ein Prämienzuschlag von {percent}."),
        ("Unter {age} Jahren ist die Prämie {percent} höher.", "Junglenker bis {age} zahlen einen Zuschlag von {percent}."),
        (
            "Wer jünger als {age} ist, erhält {percent} Rabatt.",
            "Alle Lenker zahlen {percent} Zuschlag.",
            "Wer älter als {age} ist, zahlt {percent} Zuschlag.",
        ),
    ),
    Fact(
        "insurance",
        (
            "Die Police kann mit einer Frist von {count} Monaten auf Ende Jahr gekündigt werden.",
            "Kündigungsfrist: {count} Monate auf Jahresende.",
        ),
        (
            "Wer auf Ende Jahr aussteigen will, kündigt {count} Monate im Voraus.",
            "Auf das Jahresende kann man mit {count} Monaten Frist kündigen.",
        ),
        ("Die Police kann jederzeit gekündigt werden.", "Die Police ist unkündbar."),
    ),
    Fact(
        "it",
        (
            "Passwörter müssen mindestens {count} Zeichen haben und sind {days} Tage gültig.",
            "Passwort: Mindestlänge {count}, Wechsel alle {days} Tage.",
        ),
        (
            "Ein Passwort braucht {count} oder mehr Zeichen.",
            "Alle {days} Tage muss das Passwort geändert werden.",
            "Nach {days} Tagen läuft das Passwort ab.",
        ),
        ("Passwörter dürfen höchstens {count} Zeichen haben.", "Passwörter laufen nie ab."),
    ),
    Fact(
        "it",
        (
            "Der Server {system} wird jede Nacht um {hour} gesichert, die Sicherungen bleiben {days} Tage erhalten.",
            "Sicherung {system}: nachts {hour}, Aufbewahrung {days} Tage.",
        ),
        ("Sicherungen von {system} werden {days} Tage aufbewahrt.", "{system} wird nachts um {hour} gesichert."),
        (
            "{system} wird nicht gesichert.",
            "Die Sicherungen von {system} bleiben für immer erhalten.",
            "{system} wird einmal pro Woche gesichert.",
        ),
    ),
    Fact(
        "it",
        ("Anhänge über {size} MB weist das Mailsystem zurück.", "Das Mailsystem nimmt Anhänge bis {size} MB an."),
        ("Grösser als {size} MB darf ein Anhang nicht sein.", "Sie können Dateien bis {size} MB per Mail senden."),
        ("Anhänge unter {size} MB weist das Mailsystem zurück.", "Für Anhänge gibt es keine Grenze."),
    ),
    Fact(
        "it",
        ("Software auf Laptops darf nur die IT installieren.", "Nur Administratoren dürfen auf Laptops Programme installieren."),
        (
            "Programme auf dem Laptop müssen von der IT installiert werden.",
            "Mitarbeitende können auf Laptops nicht selber Software installieren.",
        ),
        ("Alle Mitarbeitenden dürfen auf Laptops Software installieren.", "Niemand darf auf Laptops Software installieren."),
    ),
    Fact(
        "it",
        (
            "Nach {count} Fehlversuchen wird das Konto für {days} Minuten gesperrt.",
            "Wer das Passwort {count}-mal falsch eingibt, ist {days} Minuten gesperrt.",
        ),
        (
            "Die Sperre nach {count} falschen Eingaben dauert {days} Minuten.",
            "Nach {count} falschen Passwörtern ist das Konto zu.",
        ),
        ("Das Konto wird nie gesperrt.", "Nach {count} Fehlversuchen wird das Konto gelöscht."),
    ),
    Fact(
        "it",
        (
            "Von zu Hause aus starten Sie zuerst das VPN und öffnen dann {system}.",
            "{system} lässt sich daheim nur öffnen, wenn das VPN läuft.",
        ),
        ("Daheim braucht {system} ein laufendes VPN.", "Bevor Sie zu Hause {system} öffnen, muss das VPN gestartet sein."),
        ("Von zu Hause aus öffnen Sie zuerst {system} und starten dann das VPN.", "Zu Hause läuft {system} ohne VPN."),
    ),
    Fact(
        "it",
        (
            "Die Störung vom {date} dauerte {count} Stunden und betraf {big} Personen.",
            "Am {date} war der Dienst {count} Stunden lang nicht erreichbar; {big} Personen waren betroffen.",
        ),
        ("Am {date} fiel der Dienst für {count} Stunden aus.", "Von der Störung waren {big} Personen betroffen."),
        ("Niemand war von der Störung betroffen.", "Die Störung dauert noch an."),
    ),
    Fact(
        "medical",
        ("Die Patientin nimmt {count} mal täglich {dose} mg {drug}.", "Medikation: {drug} {dose} mg, {count} x täglich."),
        ("{drug} wird {count} mal am Tag zu {dose} mg eingenommen.", "Pro Tag sind es {count} Dosen {drug} zu {dose} mg."),
        ("{drug} wurde abgesetzt.", "Die Patientin nimmt {count} mal wöchentlich {dose} mg {drug}."),
    ),
    Fact(
        "medical",
        ("Das Röntgenbild zeigt einen Bruch des Handgelenks {side}.", "Befund: Handgelenksfraktur {side}."),
        ("Das Handgelenk {side} ist gebrochen.", "Am Handgelenk {side} liegt eine Fraktur vor."),
        ("Beide Handgelenke sind gebrochen.", "Das Röntgenbild zeigt keinen Bruch."),
    ),
    Fact(
        "medical",
        (
            "Der Patient verneint Brustschmerzen, klagt aber seit {date} über Atemnot.",
            "Keine Brustschmerzen. Atemnot seit {date}.",
        ),
        ("Seit {date} besteht Atemnot.", "Schmerzen in der Brust hat der Patient nicht."),
        ("Der Patient klagt über Brustschmerzen.", "Der Patient verneint Atemnot.", "Atemnot besteht nicht."),
    ),
    Fact(
        "medical",
        (
            "Die nächste Kontrolle ist in {count} Wochen bei Dr. {person}.",
            "Kontrolle bei Dr. {person} in {count} Wochen geplant.",
        ),
        ("In {count} Wochen kontrolliert Dr. {person} nochmals.", "Der Termin bei Dr. {person} ist in {count} Wochen."),
        ("Eine weitere Kontrolle ist nicht nötig.", "Die Kontrolle bei Dr. {person} war vor {count} Wochen."),
    ),
    Fact(
        "medical",
        ("{drug} darf Kindern unter {count} Jahren nicht gegeben werden.", "{drug} ist unter {count} Jahren kontraindiziert."),
        ("Kinder, die jünger als {count} sind, sollen kein {drug} bekommen.", "{drug} ist erst ab {count} Jahren erlaubt."),
        ("{drug} ist für Kinder jeden Alters geeignet.", "{drug} darf Kindern über {count} Jahren nicht gegeben werden."),
    ),
    Fact(
        "medical",
        ("Der Patient ist allergisch auf {drug}, {drug2} verträgt er gut.", "Allergie: {drug}. {drug2} ohne Probleme."),
        ("Auf {drug} reagiert der Patient allergisch.", "{drug2} wird gut vertragen."),
        ("Der Patient hat keine Allergien.", "Der Patient ist allergisch auf {drug2}."),
    ),
    Fact(
        "staff",
        (
            "Alle Mitarbeitenden haben {count} Tage Ferien, ab {age} Jahren {days} Tage mehr.",
            "Ferien: {count} Tage, ab {age} Jahren zusätzlich {days} Tage.",
        ),
        ("Der Ferienanspruch beträgt {count} Tage.", "Wer {age} oder älter ist, hat {days} Tage mehr Ferien."),
        ("Alle haben {days} Tage mehr Ferien.", "Ab {age} Jahren gibt es {days} Tage weniger Ferien."),
    ),
    Fact(
        "staff",
        (
            "Ausgaben über {money} muss die Abteilungsleitung bewilligen.",
            "Die Abteilungsleitung genehmigt jede Ausgabe ab {money}.",
        ),
        (
            "Wer mehr als {money} ausgibt, braucht das Einverständnis der Abteilungsleitung.",
            "Für Kosten über {money} ist eine Bewilligung der Abteilungsleitung nötig.",
        ),
        (
            "Ausgaben unter {money} muss die Abteilungsleitung bewilligen.",
            "Ausgaben müssen nicht bewilligt werden.",
            "Alle Ausgaben muss die Abteilungsleitung bewilligen.",
        ),
    ),
    Fact(
        "staff",
        (
            "Homeoffice ist an höchstens {count} Tagen pro Woche erlaubt, in der Probezeit nicht.",
            "Nach der Probezeit sind bis zu {count} Tage Homeoffice pro Woche möglich.",
        ),
        (
            "Nach der Probezeit darf man {count} Tage in der Woche daheim arbeiten.",
            "Während der Probezeit gibt es kein Homeoffice.",
        ),
        (
            "Homeoffice ist auch in der Probezeit erlaubt.",
            "Homeoffice ist an mindestens {count} Tagen pro Woche vorgeschrieben.",
            "Homeoffice ist nicht erlaubt.",
        ),
    ),
    Fact(
        "staff",
        (
            "{person} leitet seit {date} den Standort {city}; vorher war es {person2}.",
            "Seit {date} führt {person} den Standort {city}, als Nachfolge von {person2}.",
        ),
        (
            "Am {date} hat {person} die Leitung in {city} übernommen.",
            "Früher leitete {person2} den Standort {city}.",
            "Der Standort {city} wird von {person} geführt.",
        ),
        ("{person2} ist Nachfolger von {person}.", "{person2} leitet heute den Standort {city}."),
    ),
    Fact(
        "shop",
        (
            "Ware kann innert {days} Tagen zurückgegeben werden, wenn sie unbenutzt und original verpackt ist.",
            "Rückgabe: {days} Tage, nur unbenutzt und in der Originalverpackung.",
        ),
        (
            "Unbenutzte, original verpackte Ware nehmen wir {days} Tage lang zurück.",
            "Sie haben {days} Tage, um Unbenutztes in Originalverpackung zurückzuschicken.",
        ),
        ("Auch benutzte Ware kann innert {days} Tagen zurückgegeben werden.", "Ware kann nicht zurückgegeben werden."),
    ),
    Fact(
        "shop",
        (
            "Ab {money} liefern wir gratis, darunter kostet der Versand {money2}.",
            "Versand: {money2}, ab einem Bestellwert von {money} kostenlos.",
        ),
        ("Wer für mehr als {money} bestellt, zahlt keinen Versand.", "Bei kleineren Bestellungen kostet die Lieferung {money2}."),
        ("Der Versand ist immer kostenlos.", "Bis {money} liefern wir gratis."),
    ),
)
