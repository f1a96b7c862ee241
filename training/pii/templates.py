# ruff: noqa: E501 - lists and patterns, one a line
"""Sentence patterns in English, German, French and Italian, in general and clinical use. `{slot}` is a value of generate.SLOTS."""

from __future__ import annotations

GENERAL = r"""
Hi {first}, thanks for getting back to me so quickly.
Dear {title} {last}, we received your letter of {date}.
My name is {name} and I would like to open an account.
hello my name is {name}, can u help me
This is {name} calling from {org}.
I'm {first}, {last} is my surname.
You can reach me at {phone} or {email}.
Please call me back on {phone} after {time}.
My number changed to {phone}, please update it.
text me at {phone}
The invoice was sent to {email} on {date}.
Could you forward it to {email}? Thanks, {first}
I live at {address}.
I have moved to {address}, please change my records.
Please deliver the parcel to {street}, {town}.
Our new office is at {address}.
Send the replacement card to {address} please.
the package should go to {address} not to my old place
My new address is {address} and my phone is {phone}.
Where do you live? {address}
We met at {street} last week.
The shop on {street} is closed for {duration}.
Turn left into {street_only} and then right into {street_only}.
They live near the corner of {street_only} and {street_only}.
The accident happened on {street_only} in {town}.
I was born on {fulldate} in {town}, {country}.
Date of birth: {fulldate}
My birthday is {wdate}.
{first} turned {age} on {wdate}.
He is {age} years old and lives in {town}.
She is {age}, her brother is {age}.
I am {age} and my wife is {age}.
A {age}-year-old man from {town} was arrested on {weekday}.
When I was {age} we moved to {country}.
at the age of {age} she started at {org}
{name} ({age}) won the race.
{name}, {age}, of {town}, said the noise was unbearable.
Mum will be {age} in {month}.
My son {first} is only {age} months old.
I work for {org} in {town}.
{org} announced on {weekday} that it will buy {org}.
{org} was founded in {year} by {name} and {name}.
{name} left {org} in {year} to join {org}.
{name}, chief executive of {org}, declined to comment.
I bought it from {org} and they never replied.
Shares of {org} rose {n} % on {weekday}.
The lawsuit against {org} was filed in {town} on {wdate}.
She used to be an engineer at {org}.
My employer, {org}, pays into the plan.
According to {org}, sales in {country} fell in {year}.
{org} and {org} signed a contract in {month} {year}.
The {org} website says something else.
He studied at {org} from {year} to {year}.
We fly to {place} on {wdate}.
I'm travelling to {country} next week.
Have you ever been to {place}?
{place} is lovely in spring.
Greetings from {town}!
The train from {town} to {town} was late again.
I grew up in {town} but now live in {place}.
They arrived in {town} on {weekday} and left for {country} on {weekday}.
Is the card accepted in {country} and {country}?
Weather in {town}: {n} degrees
The conference takes place in {town}, {country}, from {wdate} to {wdate}.
She is originally from {place}.
Who wants to come to {place} with me this summer?
{country} beat {country} {n}:{n} in the final.
My card number is {card}, expiry {month_year}.
Please block card {card}, it was stolen in {town}.
I paid with {card} on {numdate}.
charge it to {card} pls
Card: {card}
Can you increase the limit of {card}?
My IBAN is {iban}.
Transfer {amount} to {iban} in the name of {name}.
The money should go to {iban} by {wdate}.
Refund me to {iban}
My social security number is {ssn}.
SSN {ssn}
AHV number: {ssn}
Login from {ip} was refused on {numdate}.
My IP is {ip} and I cannot connect.
The server {ip} answers slowly since {weekday}.
See my portfolio at {url}.
Check out {url} for details
Just found this: {url}
My driver's license is {id}, issued in {place}.
driver licence no. {id}
Passport number {id}, valid until {fulldate}.
My passport {id} expires in {month} {year}.
ID card {id}
Customer number {id}, name {name}
My employee ID is {id}.
Membership no. {id} for {name}
The policy holder is {name}, policy {id}.
Licence plate {id}
{name} asked about the loan yesterday.
Please add {name} to my account.
Remove {first} from the family plan.
It should be under {name} or maybe {name}.
The account is in my husband's name, {name}.
What's your full name? {name}
And your first name? {first}
Surname? {last}
Agent: May I have your name? Customer: {name}
Agent: And the number on file? Customer: {phone}
Agent: What is the delivery address? Customer: {address}
Agent: your date of birth please? Customer: {fulldate}
Agent: Which town? Customer: {town}
{first}: are you coming tonight?\n{first}: no, {first} is ill
{first}: "Who is it?"\n{first}: "It's me, {first}."
Hey {first}! {first} told me you are in {town}.
Have you heard from {name} lately?
Why is {first} always late?
{first} is very reliable, ask {first}.
{first} and {first} got married in {town} in {year}.
There were five of us: {first}, {first}, {first}, {first} and {first}.
The winners are {name}, {name} and {name}.
The {last} family lives next door.
The {last} report was published in {year}.
{last}'s first novel is set in {place}.
A tribute to {name}, who died in {year}.
Directed by {name}, starring {name} and {name}
The song was written by {name} in {year} and covered by {name}.
One of the best albums of {year}, recorded in {town} by {name}.
{title} {last} called and wants an answer by {weekday}.
{title} {name} will see you now.
Please give this to {title} {last}.
Contact {title} {name} at {phone}.
I spoke to {first} in your {town} branch on {weekday}.
Your colleague {name} promised me a refund.
cc {first} {last}, {first} {last}
@{first} can you look into this?
Thanks,\n{name}\n{org}\n{phone}
Kind regards\n{name}\n{job}, {org}\n{address}\n{phone} | {email}
Best,\n{first}
Yours sincerely,\n{name}
Sincerely\n{title} {name}
Regards,\n{name}\n{phone} office\n{phone} mobile\n{phone} fax
{name}\n{org}\n{address}\noffice: {phone}\nmobile: {phone}\nfax: {phone}
{name}\n{address}\n{phone}-Office, {phone}-Fax
{name}\n\n{address}\n{phone}
Ship to: {name}\n{address}
Billing address:\n{name}\n{address}
Invoice to {org}, {address}
From: {name} <{email}>\nTo: {name} <{email}>\nDate: {numdate}\nSubject: contract
On {wdate}, {name} wrote:
Sent by {name} on {numdate}
Name: {name}\nAddress: {address}\nPhone: {phone}
Name: {name}\nDOB: {fulldate}\nSex: F
name={name};phone={phone};city={town}
{"name": "{name}", "email": "{email}", "phone": "{phone}"}
{"customer": {"first": "{first}", "last": "{last}", "born": "{fulldate}", "city": "{town}"}}
{"id": {n}, "employer": "{org}", "country": "{country}"}
| {name} | {fulldate} | {town} |
{name},{email},{phone},{town}
{last};{first};{fulldate};{street};{zip}
Zip code {zip}
ZIP: {zip}
postcode is {zip}
City: {town}\nCountry: {country}\nZIP: {zip}
City {town}, zip {zip}
Visit us in {town} {zip}.
Meeting on {weekday} at {org}, {street}, {town}
Let's meet on {wdate} at {time}, {street}
Book a table for {n} on {wdate} under {last}.
The deadline is {wdate}.
It has been broken since {numdate}.
The contract runs from {numdate} to {numdate}.
The law of {year} was amended in {year}.
During {year} the company grew by {n} percent.
In {month} {year} we changed provider.
Opened: {numdate}
Date: {numdate}\nName: {name}\nPhone: {phone}
Ticket created {numdate} by {name}
Log {numdate}: user {email} from {ip}
See you on {weekday} morning!
I waited from {weekday} to {weekday}.
On {weekday} {first} flew to {town}.
{weekday}'s meeting with {name} is cancelled.
They say {title} {last} is a {age} year old woman who grew up in {town}.
my {age} yr old daughter {first} needs a youth account
As of {numdate}, {name} no longer works here.
Kid's name is {first}, she was born {fulldate} and goes to {org}.
Is {town} branch open on {wdate}?
Her maiden name is {last}.
{first} née {last}
Everyone calls me {first} but my legal name is {name}.
Mr and Mrs {last} live in {street}.
The tenant, {name}, born {fulldate}, residing at {address}, agrees to pay {amount}.
This agreement is made between {org}, {address}, and {name}.
Beneficiary: {name}, {iban}
Emergency contact: {name} ({phone})
Next of kin: {first} {last}, {phone}
In case of emergency call {name} on {phone}
Reference: {name}, {org}, {email}
I lost my wallet in {town}; call {phone} if you find it. {first}
The bus stop is on {street}.
Pedestrians should use {street_only} until {month}.
The museum at {street} reopens on {wdate}.
Our flat, {address}, will be empty from {wdate}.
{town}'s mayor {name} opened the bridge.
{nationality} police arrested {name} in {town}.
The {nationality} minister {name} met {name} in {town} on {weekday}.
{name} was born in {town} and is {nationality}.
{org}, based in {town}, employs {n} people.
{first} from {org} says hi
I'm with {org} since {year}.
""".strip().split("\n")

CLINICAL = r"""
Patient: {name}   MRN: {mrn}
Patient Name: {name}; MR# {mrn}
Pt: {name} MRN {mrn}
RE: {name}\nMR# {mrn}\nDOB: {fulldate}
Name: {name}  Medical Record #{mrn}
Patient {name}, MRN {mrn}, DOB {fulldate}
Patient ID: {mrn}
Patient no. {mrn}\nName: {last}, {first}
Chart number {mrn}
Chart # {mrn}
Medical record number is {mrn}.
Hospital number: {mrn}
Unit No: {mrn}
Record {mrn} belongs to {name}.
MRN#{mrn}
Admission Date: {fulldate}\nDischarge Date: {fulldate}
Date of service: {fulldate}
Date of Birth: {fulldate}
DOB: {fulldate}
Born {fulldate}
DOS {fulldate}
Date dictated: {fulldate}
D: {numdate} T: {numdate}
Seen on {fulldate} at {facility}.
Facility: {facility}
Location: {facility}
Facility: {facility}\nDate of service: {fulldate}
Transferred from {facility} on {date}.
He was admitted to {facility} in {month} {year}.
She had her surgery at {facility}.
The patient was seen at {facility} for {disease}.
Records were requested from {facility}, phone {phone}.
Referred by {title} {last}, {facility}.
Referring physician: {name}, {facility}
{facility}\n{address}\nTel {phone}
{facility}, {address}
{facility} | {phone} | {url}
Discharged to {facility}.
Follow up at {facility} in {duration}.
I called {facility} but {title} {last} was not there.
Ambulance brought him to {facility} at {time}.
My appointment at {facility} is on {wdate}.
Which ward is {name} on at {facility}?
Insurance ID: {plan}
Member ID {plan}
Member ID: {plan}\nGroup: {org}
Health plan ID: {plan}
Health plan number {plan}
Insurance: {org}, ID {plan}
Plan ID {plan}
Policy #: {plan} ({org})
Medicare number {plan}
Subscriber ID: {plan}
Beneficiary number {plan}
Insured through {org}, member number {plan}.
Her insurance number is {plan}.
My health insurance card says {plan}.
Claim for member {plan} was denied.
Phone: {phone}
Tel {phone}
Contact number {phone}
Home Phone: {phone} (home)
Address: {address}
Home Address: {address}
Email: {email}
SSN: {ssn}
Patient's SSN is {ssn}.
Electronically signed by {name}, MD on {fulldate}.
Signed: {name} {suffix} on {fulldate}.
Dictated by {name}, {suffix} on {fulldate}.
Dictated by {name} {suffix}
Attending: {name}, {suffix}
Attending Physician: {title} {name}
Surgeon: {name}, MD\nAssistant: {name}, PA-C
Primary Care Physician: {name}, {suffix} {phone}.
PCP: {title} {last}
Provider: {name}
cc: {name}, {suffix}
Reviewed with {title} {last}.
Signed electronically {numdate} {name}, RN
I discussed the plan with {name}.
Spoke with the patient's spouse, {name}.
Spoke with the patient's wife, {name}, at {phone}.
Called the daughter, {name}.
Called the son, {name}, at {phone}.
The patient's mother {name} was present.
Her husband {first} drove her here.
He lives with his brother {first} in {town}.
Consent was given by {name} (wife).
Interpreter: {name}
{name} is a {age}-year-old male with {disease} and {disease}.
{name} is a pleasant {age}-year-old female who presents with {disease}.
{title} {last} is a {age} y.o. man with a history of {disease}.
{title} {name} is a {age} y/o F here for {disease}.
This is a {age}-year-old right-handed woman complaining of {disease}.
The patient is a {age}-year-old white female with {disease}.
Patient is a {age} year old with {eponym}.
{age} y/o male, {disease}, on {drug} {dose}.
{age}yo F with {disease}
{age} year-old gentleman who was seen on {date} for {disease}.
Pt is {age}M with PMH of {disease}.
Age: {age}  Sex: M
Age {age}
aged {age}, smoker
Mother died at {age} of {disease}.
His father had {disease} at age {age}.
Menarche at the age of {age}.
{title} {last} has been taking {drug} {dose} since {month} {year}.
{first} denies chest pain.
{last} reports that the {disease} is better.
{title} {last} started {drug} on {date}.
She underwent {procedure} on {date} by {title} {last}.
Last colonoscopy {month} {year}, normal.
CT of {numdate}: no change since {numdate}.
MRI from {wdate} showed {disease}.
Labs {numdate}: hemoglobin {n}.{n}, creatinine {n}.{n}.
Echocardiogram in {year} demonstrated an ejection fraction of {n} %.
Immunisation: tetanus {year}, influenza {wdate}.
Return visit {wdate}.
We will see {title} {last} again on {weekday}.
Next appointment: {fulldate} {time}
He travelled to {country} in {month}.
Works as a nurse at {facility}.
She works for {org} and lives in {town}.
Retired teacher from {town}, {country}.
Employer: {org}
Pharmacy: {org}, {street}, {phone}
Chief complaint: {disease}
I agree with the assessment of {title} {last}.
{name} will be followed by {name} at {facility}.
Thank you for referring {title} {name} ({fulldate}) to {facility}.
Patient {first} {last}, born {fulldate}, was treated from {numdate} to {numdate}.
Sample collected {numdate} {time}, accession {id}
Device serial number {id}, implanted {numdate}
Insurance {org} {plan}, copay {amount}
Portal message from {name} on {numdate}: refill {drug} please
Dear {title} {last}, I saw your patient {name} on {date} with {disease}.
Yours sincerely, {name}, consultant, {facility}
PATIENT: {NAME}   DATE: {numdate}
{NAME}\nMRN {mrn}\n{facility}
NAME: {NAME} DOB: {fulldate} MRN: {mrn}
Discharge summary for {name}, {age}, {facility}
Emergency contact {name} (sister) {phone}
""".strip().split("\n")

GERMAN = r"""
Guten Tag, mein Name ist {name}.
Sehr geehrte Frau {last}, sehr geehrter Herr {last}
Sehr geehrter Herr Dr. {last}, vielen Dank für Ihr Schreiben vom {date_de}.
Liebe {first}, wie geht es dir?
Ich wohne an der {street} in {zip} {town}.
Meine neue Adresse lautet {address}.
Wir ziehen am {date_de} nach {town} um.
Bitte senden Sie die Karte an {address}.
Rufen Sie mich bitte unter {phone} an.
Sie erreichen mich unter {phone} oder {email}.
Geboren am {date_de} in {town}.
Geburtsdatum: {fulldate}
Ich bin {age} Jahre alt und arbeite bei {org}.
Der {age}-jährige {name} aus {town} wurde am {weekday_de} verletzt.
Die {age}-jährige Patientin klagt über {disease_de}.
Im Alter von {age} Jahren erkrankte sie an {disease_de}.
Patient: {name}, geb. {fulldate}
Patientin {name}, geboren am {date_de}, wohnhaft in {address}
Patientennummer: {mrn}
Pat.-Nr. {mrn}
Fallnummer {mrn}
Versichertennummer: {plan}
Krankenkasse: {org}, Versicherten-Nr. {plan}
Krankenversicherung {org}, Kartennummer {plan}
Meine Versichertennummer ist {plan}.
AHV-Nr. {ssn}
Der Patient wurde vom {date_de} bis {date_de} im {facility} behandelt.
Einweisung durch Dr. {last}, {facility}
Bericht des {facility} vom {numdate}
Austritt am {numdate}, Kontrolle bei Dr. med. {name}.
Ich habe am {weekday_de} einen Termin in der {facility}.
Zuweiser: Dr. med. {name}, {address}
Frau {last} nimmt seit {month_de} {year} {drug} {dose} ein.
Herr {last} berichtet über {disease_de}.
Telefonat mit der Tochter, {name}, {phone}.
Mein Mann {name} und ich möchten ein Konto eröffnen.
Bitte überweisen Sie {amount} auf {iban}.
Meine Kreditkarte {card} wurde gestohlen.
Die Firma {org} in {town} hat mir gekündigt.
{org} eröffnet im {month_de} eine Filiale in {town}.
Herr {name} von {org} hat angerufen.
Ausweisnummer {id}, ausgestellt in {town}
Kundennummer {id}
Kunden-Nr.: {id}, {name}
Freundliche Grüsse\n{name}
Mit freundlichen Grüßen\n{name}\n{org}\n{street}\n{zip} {town}
Viele Grüsse aus {town}\n{first}
Am {date_de} um {time} Uhr treffen wir {name} in {town}.
Wir fahren im {month_de} nach {country}.
In {country} gilt die Karte nicht.
Der Vertrag vom {date_de} endet am {date_de}.
Seit {year} lebe ich in {town}.
{name}\n{street}\n{zip} {town}
Name: {name}\nStrasse: {street}\nPLZ/Ort: {zip} {town}\nTelefon: {phone}
Vorname: {first}\nNachname: {last}\nGeburtsdatum: {fulldate}
Meine Tochter {first} ({age}) braucht ein Jugendkonto.
Hat {first} {last} sich schon gemeldet?
Das Konto läuft auf {name}.
Gutachten über {name}, {age} J., {town}
Visum: {name}, {numdate}
""".strip().split("\n")

FRENCH = r"""
Bonjour, je m'appelle {name}.
Madame {last}, Monsieur {last}
Cher Monsieur {last}, merci pour votre lettre du {date_fr}.
J'habite {street}, {zip} {town}.
Ma nouvelle adresse est {address}.
Veuillez envoyer la carte à {address}.
Nous déménageons à {town} le {date_fr}.
Vous pouvez me joindre au {phone} ou à {email}.
Mon numéro est le {phone}.
Née le {date_fr} à {town}.
Date de naissance : {fulldate}
J'ai {age} ans et je travaille chez {org}.
Un homme de {age} ans, {name}, a été blessé à {town} {weekday_fr}.
Patiente de {age} ans, connue pour {disease_fr}.
Il s'agit d'un patient âgé de {age} ans.
Patient : {name}, né le {fulldate}
Numéro de dossier : {mrn}
Dossier n° {mrn}
N° patient {mrn}
Numéro d'assuré : {plan}
Caisse maladie {org}, n° d'assuré {plan}
Mon numéro de carte d'assurance est {plan}.
N° AVS {ssn}
Le patient a été hospitalisé à {facility} du {date_fr} au {date_fr}.
Adressé par le Dr {last}, {facility}
Rendez-vous le {date_fr} à {facility}.
Signé : Dr {name}, {facility}
Madame {last} prend {drug} {dose} depuis {month_fr} {year}.
J'ai appelé sa fille, {name}, au {phone}.
Mon mari {name} et moi voulons ouvrir un compte.
Veuillez verser {amount} sur {iban}.
Ma carte {card} a été volée à {town}.
La société {org} à {town} m'a licencié.
{org} ouvre une succursale à {town} en {month_fr}.
Passeport n° {id}
Numéro de client {id}, {name}
Meilleures salutations\n{name}
Cordialement,\n{name}\n{org}\n{street}\n{zip} {town}
Bien à vous, {first}
Nous partons en {country} en {month_fr}.
{first} et {first} viennent de {town}.
Le contrat du {date_fr} prend fin le {date_fr}.
Depuis {year}, je vis à {town}.
{name}\n{street}\n{zip} {town}
Nom : {last}\nPrénom : {first}\nNé(e) le : {fulldate}\nVille : {town}
Ma fille {first} a {age} ans.
Le compte est au nom de {name}.
""".strip().split("\n")

ITALIAN = r"""
Buongiorno, mi chiamo {name}.
Gentile signora {last}, egregio signor {last}
Gentile Dott. {last}, grazie per la sua lettera del {date_it}.
Abito in {street}, {zip} {town}.
Il mio nuovo indirizzo è {address}.
Spedite la carta a {address}, per favore.
Ci trasferiamo a {town} il {date_it}.
Può chiamarmi allo {phone} o scrivere a {email}.
Il mio numero è {phone}.
Nata il {date_it} a {town}.
Data di nascita: {fulldate}
Ho {age} anni e lavoro per {org}.
Un uomo di {age} anni, {name}, è stato ferito a {town} {weekday_it}.
Paziente di {age} anni con {disease_it}.
Paziente: {name}, nato il {fulldate}
Numero di cartella: {mrn}
Cartella clinica n. {mrn}
Numero paziente {mrn}
Numero d'assicurato: {plan}
Cassa malati {org}, n. assicurato {plan}
La mia tessera sanitaria è {plan}.
N. AVS {ssn}
Il paziente è stato ricoverato all'{facility} dal {date_it} al {date_it}.
Inviato dal Dr. {last}, {facility}
Appuntamento il {date_it} presso {facility}.
Firmato: Dr. {name}, {facility}
La signora {last} prende {drug} {dose} da {month_it} {year}.
Ho parlato con la figlia, {name}, al {phone}.
Mio marito {name} e io vorremmo aprire un conto.
Vi prego di versare {amount} su {iban}.
La mia carta {card} è stata rubata a {town}.
La ditta {org} di {town} mi ha licenziato.
{org} apre una filiale a {town} in {month_it}.
Passaporto n. {id}
Numero cliente {id}, {name}
Cordiali saluti\n{name}
Distinti saluti,\n{name}\n{org}\n{street}\n{zip} {town}
A presto, {first}
Andiamo in {country} a {month_it}.
{first} e {first} sono di {town}.
Il contratto del {date_it} scade il {date_it}.
Dal {year} vivo a {town}.
{name}\n{street}\n{zip} {town}
Cognome: {last}\nNome: {first}\nNato/a il: {fulldate}\nCittà: {town}
Mia figlia {first} ha {age} anni.
Il conto è intestato a {name}.
""".strip().split("\n")

#: Sentences with nothing personal in them that look as if there were.
NOTHING = r"""
Will my payment arrive in time?
Grace periods are not offered on this product.
Mark the box and sign below.
I hope you may find it, may I ask why?
March down the street and turn left.
The rose in the garden is lovely this summer.
Please bill me later, it is no big deal.
May I change my plan? I may need more data.
The frank answer is no.
Take {drug} {dose} twice daily with food.
Start {drug} {dose} and stop {drug}.
{drug} {dose} p.o. b.i.d.
Continue {drug} {dose} daily for {duration}.
Diagnosis: {eponym}.
History of {eponym}, {disease} and {disease}.
A {device} was placed without difficulty.
{device} in place, draining clear urine.
{sign} was negative.
Positive {sign}, negative {sign}.
Code {icd} was billed.
{icd} {disease}
Blood pressure {n}/{n}, pulse {n}, temperature {n}.{n}.
BP: {n}/{n} mmHg, HR {n}, SpO2 {n} %.
WBC {n}.{n}, Hgb {n}.{n}, platelets {n}.
He reports {disease} for {duration}.
Pain is {n}/10 and radiates to the left arm.
Grade {n}/6 systolic murmur.
The wound measures {n} x {n} cm.
Return to the clinic in {duration}.
CHIEF COMPLAINT\n\n{disease}.
ASSESSMENT AND PLAN
REVIEW OF SYSTEMS\n\nConstitutional: Denies fevers, chills, or weight loss.
PHYSICAL EXAMINATION: Lungs are clear. Heart regular.
• Musculoskeletal: Pain with flexion and extension of the right knee.
Medical Reasoning: The patient has been compliant with {drug}.
Vital signs reviewed. Patient agrees with the plan.
Patient Education and Counseling: I advised rest and fluids.
The patient was seen in room {room}, bed {n}.
The hospital has {n} beds and {n} doctors.
My doctor said the clinic is closed.
Please call your doctor or the nearest hospital.
I went to the emergency room and then to my GP.
The health centre in my village has no parking.
My insurance does not cover this.
Please have your member ID and card ready.
Enter your date of birth, address and phone number.
What is the address of the branch?
What is my MRN and where do I find it?
Your postcode decides the tariff.
The price is {amount} plus {amount} for shipping.
I was charged {amount} twice.
It costs {amount} per month for {duration}.
Order {n} of {n}: {n} pieces of {product}.
I use a {product} with version {version}.
The update {version} broke my {product}.
Build {version} fixes the {product} bug.
My {product} does not start.
Is the {product} better than the {product}?
Error {n} in line {n}
Section {n}.{n} of the manual, page {n}.
Chapter {n}, figure {n}.{n}
Flight leaves at {time} from gate B{n}.
It takes {n} to {n} days.
Open from {time} to {time}.
The limit is {n} transactions a day.
Exchange rate {n}.{n}{n}
I have {n} questions about exchange rates.
How do I activate my new card?
my top up didnt work
Why was my card declined at the cash machine?
What currencies do you support?
Can I use Apple Pay with this account?
I bought a {product} with my Visa card.
Do you accept Mastercard or American Express?
The Street was full of people and the Avenue was empty.
Let us take the high road.
The drive was long and the way was hard.
A court of law decided the case.
The parking place on the square is free.
The board and the management disagree about the strategy.
Capital letters at The Start Of Words mean Nothing here.
He has a Bachelor of Science in Computer Science.
The Treaty, the Act and the Constitution were discussed.
The {nationality} food was great.
{nationality} and {nationality} wines
They speak {nationality} and {nationality}.
I am {nationality} and proud of it.
Christians, Muslims and Jews live together.
Python, Java and Rust are languages.
Use Docker and Kubernetes to deploy it.
The {product} costs less than the {product}.
Chapter {n}: The Return of the King
Lorem ipsum dolor sit amet
select * from users where id = {n}
def total(items): return sum(items)
for index in range({n}): print(index)
{"status": "ok", "count": {n}, "enabled": true}
{"error": {"code": {n}, "message": "not found"}}
| item | price |\n| {product} | {amount} |
Ich habe eine Frage zu meinem Konto.
Wann kommt meine neue Karte an?
Die Gebühr beträgt {amount} pro Jahr.
Bitte nehmen Sie {drug} {dose} ein.
Der Patient klagt über {disease_de} seit {n} Tagen.
Diagnose: {disease_de}, {eponym}
Das Spital liegt am See und die Praxis ist geschlossen.
Der Blutdruck beträgt {n}/{n} mmHg.
Die Strasse ist gesperrt, der Weg ist frei.
Wie lange dauert eine Überweisung ins Ausland?
Combien coûte la carte par année ?
Je voudrais bloquer ma carte.
Les frais sont de {amount} par mois.
Le patient se plaint de {disease_fr}.
La rue est fermée pendant {n} jours.
L'hôpital est complet.
Quanto costa la carta all'anno?
Vorrei bloccare la mia carta.
La commissione è di {amount} al mese.
Il paziente riferisce {disease_it}.
La strada è chiusa per {n} giorni.
L'ospedale non ha più letti.
Dear Sir or Madam,
Dear customer, thank you for your message.
Hello team, hi everyone, hi there
Best regards
Kind regards, your service team
Thank you for calling. How can I help you today?
Who are you and what do you want?
As an assistant I cannot see your account.
3... 2... 1... go!
OK
yes
no thanks
The answer is {n}.
{n} + {n} = {n}
Windows, Office and Excel were installed.
Mercury, Venus and Mars are planets.
Christmas and Easter are busy.
Labor Day sale, Black Friday deals
See you soon, take care!
Wisdom, Discipline and Courage are virtues.
The first, second and third rounds went well.
In my opinion the second half was worse.
Ward {n} is on floor {n}.
Take the A{n} and leave at exit {n}.
Reference ranges: {n}-{n} mmol/L
Risk score {n}.{n}, confidence interval {n} to {n}
The study enrolled {n} patients.
Patients with {disease} were excluded.
{drug} reduces the risk of {disease}.
What are the symptoms of {eponym}?
How is {disease} treated?
""".strip().split("\n")

#: Talk in which names stand alone, and things of everyday life around them.
EVERYDAY = r"""
{first}, wait for me!
Come here, {first}!
Good night, {first}.
Thank you {first} and {first}.
Oh {first}, why did you do that?
Don't tell {first} about it.
Nobody but {first} knew the answer.
I miss {first} and the old days.
{first} just laughed at {first}.
{first} said that {last} was wrong.
you know {first} right
ask {first} or {first} or {first}
The partners are {last}, {last} and {last}.
The firm was started by {last}, {last} and {last}.
{last} and {last} published the study.
Our teachers were {name}, {name} and {name}.
We have three children: {first}, {first} and {first}.
There are four of them, {first}, {first}, {first} and {first}.
{org} is run by {name} and {name}.
{org} invested in {org} during {year}.
In {year}, {org} built a plant in {town}.
{org} hired {n} people last year.
Who owns {org}?
Is {org} closed today?
I used to be with {org} but switched to {org}.
{first} moved from {org} to {org}.
{first} joined {org} straight after school.
{name} of {org} gave the talk, together with {org}'s {name}.
the people at {org} are nice
A spokesman for {org} confirmed it.
{org} plans a new factory in {place}.
Support {org} in {town} with your gift.
{org} is a {nationality} bank with branches in {country}.
{first} drove to {town} with {first}.
{title} {last} is back in {town} since {weekday}.
They sailed from {town} to {town} by ferry.
{name} grew up near {town}.
She returned to {place} last summer.
I'm at home in {town}, my parents are in {place}.
a friend in {town} told me
Is it cold in {place} now?
{place} was fun, {place} was not
The museum in {town} burned down in {year}.
{country}'s president visited {country}.
Protests in {town} and {town} continue.
{town} is twinned with {town}.
The {year} edition was better.
It is a {year} film by {name}.
The act of {year} protects workers.
the class of {year} meets in {month}
She was elected in {year} and again in {year}.
The constitution of {year} was replaced in {year}.
Winner of the {year} cup
It goes back to {year}.
Since {numdate} nothing works.
{first} will be {age} next week.
I turned {age} yesterday.
she's only {age} lol
He will turn {age} in {month}.
{first} is {age}, {first} {age} and {first} {age}.
We are {age} and {age} years old.
I'm a {age} year old student from {place}.
He wrote it when he was {age}.
The address is {street}.
His address: {street}, {town}
She gave us her address: {street}, {town}.
It's at {street}, {town}.
We meet at {street}, {town} on {weekday}.
The restaurant is on {street}.
Take me to {address}, please.
The letter went to {address} instead.
Return to {address} if found.
Deliver to: {street}\n{town}\n{country}
"{first}," she said, "you are late."
{first} and I went to see {name} play in {town}.
{name}'s new record is out on {wdate}.
have u met {first} {last}?
My grandmother was called {name} and my grandfather {name}.
I was named after {name}.
The account belongs to {title} {name}.
It says {title} {last} on the door.
Written by {name}. Edited by {name}.
Photo: {name}
Interview with {name}
Speaker: {name}, {org}
{name} - {job}
By {name}, {town}
Call {first} at {phone} or me at {phone}.
no answer at {phone}
{phone} is busy all day
Stop sending messages to {phone}
dial {phone}
My licence is {id}
Driver's license: {id}
licence number {id} issued {numdate}
""".strip().split("\n")

#: Capitalised words, titles of works and events, and plain talk: nothing personal.
NOTHING_MORE = r"""
Article 50 of the Treaty on the Union
Chapter VII of the Charter
The Clean Air Act and the Civil Code are laws.
World War II changed everything.
The Nobel Prize in Physics
It won the Academy Award for Best Picture.
The Lord of the Strings is my favourite book.
Have you seen The Silent River? It is a thriller.
A Night at the Museum was sold out.
Their first single, Burning Bridges, was a hit.
Good Morning and Good Luck
Frequently Asked Questions
Terms and Conditions apply.
Total Amount Due
Quarterly Financial Report
Responsible for Human Resources and Public Relations
Monthly fee, yearly fee, exchange fee
the rate is incorrect
incorrect exchange rate on my payment
the currency exchange is incorrect
what currency can i hold
can i exchange euros and dollars
my card was not accepted in the city centre
the web address does not work
unblock my pin
i was overcharged abroad
Is it available for children and teens?
How many attempts do I have?
The item I purchased overseas was returned.
What is the interest on savings?
i want to close my account
please activate the card
Do you have a branch near the station?
Go straight ahead, then left at the corner.
Physical therapy twice a week.
National guidelines recommend screening.
Family history of heart disease.
Patient denies tobacco use.
Sensation intact. Strength 5/5.
No known drug allergies.
Continue current regimen.
ALLERGIES: None.
Patient agreements: the patient understands the plan.
Skin: warm and dry. Neurologic: alert and oriented.
The nurse and the therapist will call the patient.
Labs were drawn at the hospital.
Referral to cardiology and orthopedics.
""".strip().split("\n")

#: The same in German, French and Italian, and firms, bills and numbers in them.
ABROAD_NOTHING = r"""
Guten Tag, ich habe eine Frage zu Ihrer Rechnung.
Sehr geehrte Damen und Herren
Ihre Anfrage ist bei uns eingegangen.
Rechnung Nr. {n} über {amount}
Die Rechnung Nr. {n} ist noch offen.
Bestellung {n} wurde versandt.
Unsere Kunden sind zufrieden mit dem Angebot.
Unser Angebot gilt für alle Neukunden.
Ihre Tochter darf ein Jugendkonto eröffnen.
Ihr Sohn und seine Frau sind herzlich willkommen.
Der Arzt hat mir Tabletten verschrieben.
Das Krankenhaus hat keine Betten frei.
Die Praxis ist wegen Ferien geschlossen.
Bitte füllen Sie das Formular aus.
Haben Sie Ihre Kundennummer und Ihr Geburtsdatum zur Hand?
Wie kann ich meine Adresse ändern?
Das Geld ist noch nicht angekommen.
Laut Vertrag beträgt die Frist {n} Tage.
Artikel {n} des Gesetzes
Die Technik hat den Fehler {n} behoben.
Freundliche Grüsse, Ihr Kundendienst
Bis bald und einen schönen Tag!
Warum wurde mein Antrag abgelehnt?
Im Allgemeinen gilt die Regel nicht für Studenten.
Der Zug fährt um {time} ab Gleis {n}.
Version {version} ist verfügbar.
Bonjour, j'ai une question sur votre facture.
Madame, Monsieur
Votre demande nous est bien parvenue.
Facture n° {n} de {amount}
Votre fille peut ouvrir un compte jeunesse.
Son mari et ses enfants sont les bienvenus.
Le médecin m'a prescrit des comprimés.
Le cabinet est fermé pour les vacances.
Veuillez remplir le formulaire.
Comment puis-je changer mon adresse ?
L'argent n'est pas encore arrivé.
Selon le contrat, le délai est de {n} jours.
Meilleures salutations, votre service clientèle
Bonne journée et à bientôt !
Pourquoi ma demande a-t-elle été refusée ?
Le train part à {time} de la voie {n}.
Buongiorno, ho una domanda sulla vostra fattura.
Buonasera, vorrei sapere quanto costa.
Gentili signori
La vostra richiesta ci è pervenuta.
Fattura n. {n} di {amount}
Sua figlia può aprire un conto giovani.
Suo marito e i suoi figli sono i benvenuti.
Il medico mi ha prescritto delle pastiglie.
Lo studio è chiuso per ferie.
Compilate il modulo, per favore.
Come posso cambiare il mio indirizzo?
Il denaro non è ancora arrivato.
Secondo il contratto il termine è di {n} giorni.
Cordiali saluti, il vostro servizio clienti
Buona giornata e a presto!
Perché la mia domanda è stata respinta?
Il treno parte alle {time} dal binario {n}.
node-{n} is down, restart pod {n}
exit code {n} on worker-{n}
Room {room}, line {n}, item {n}
Invoice no. {n} of {amount} is due.
Order number {n}, {n} pieces
Ticket #{n} was closed.
Write a poem about autumn and the sea.
Summarise the text in three sentences.
Translate this into French, please.
""".strip().split("\n")

#: Firms and schools, in sentences that tell them apart from people and care facilities.
FIRMS = r"""
Unsere Kundin, die {org} in {town}, hat nicht bezahlt.
Der Kunde {org} hat am {date_de} bestellt.
Ich bin seit {year} bei der {org} angestellt.
Die {org} hat uns ein Angebot gemacht.
Notre client, la société {org} à {town}, n'a pas payé.
Je travaille pour {org} depuis {year}.
Il nostro cliente, la {org} di {town}, non ha pagato.
Lavoro per la {org} dal {year}.
We bought shares of {org} and {org}.
The contract with {org} ends in {month}.
{org} sells software to hospitals.
{org}'s new product is late.
My card was charged by {org}.
Who founded {org}?
{org} was sued by {org}.
The founders of {org} are {name} and {name}.
Founders: {last}, {last} and {last}
Authors: {last}, {last}, {last} and {last}
The witnesses, {last}, {last} and {last}, agreed.
Signed by {last} and {last} for {org}
Attorneys {last}, {last} and {last} represent {org}.
{first}, {first} and {first} work at {org}.
{org} hired {last} and {last}.
Lawyers of {org} met {name} in {town}.
{name} is a teacher at {org}.
{name} went to school in {town} and works for {org}.
""".strip().split("\n")
