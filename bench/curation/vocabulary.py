# ruff: noqa: E501 - phrases read better in one line
"""What generated notes are made of: conditions with their codes and the ways in which people write them, and banks of phrases.
All of it was written for this; codes are those of ICD-10-CM."""

from __future__ import annotations

from typing import NamedTuple


class Condition(NamedTuple):
    """A code, the system of the body that it belongs to, and how notes name it: written out first, then short."""

    code: str
    system: str
    long: tuple[str, ...]
    short: tuple[str, ...]


def _table(text: str) -> tuple[Condition, ...]:
    rows = [[part.strip() for part in line.split(";")] for line in text.strip().splitlines()]
    return tuple(
        Condition(code, system, tuple(long.split(" / ")), tuple(short.split(" / "))) for code, system, long, short in rows
    )


#: The frequent ones first: how often a condition is the main one falls with its place.
CONDITIONS = _table("""
I10; heart; essential hypertension / primary hypertension / elevated blood pressure, long known; HTN / arterial HTN / high BP
E11.9; metabolism; type 2 diabetes mellitus without complications / type 2 diabetes / adult-onset diabetes; T2DM / DM II / NIDDM
M54.50; joints; low back pain / lumbar pain without radiation / lumbago; LBP / low back pain
E78.5; metabolism; hyperlipidemia / raised cholesterol and triglycerides; HLD / hyperlipidaemia / dyslipidemia
J06.9; lungs; acute upper respiratory infection / viral upper respiratory tract infection; URI / URTI
K21.9; gut; gastro-esophageal reflux disease without esophagitis / acid reflux disease; GERD / reflux dz
F41.1; mind; generalized anxiety disorder / chronic generalised anxiety; GAD / gen. anxiety
J45.909; lungs; asthma, uncomplicated / bronchial asthma; asthma / asthma unspec
N39.0; kidneys; urinary tract infection / bacterial infection of the urinary tract; UTI / urinary infxn
I25.10; heart; coronary artery disease of the native vessels / atherosclerotic heart disease; CAD / native vessel CAD
F32.A; mind; depression / depressive illness, unspecified; depr. / MDD unspec
J44.9; lungs; chronic obstructive pulmonary disease / chronic obstructive airway disease; COPD / chr. obstr. lung dz
I48.91; heart; atrial fibrillation / irregular heartbeat from atrial fibrillation; AF / a-fib / afib
M17.11; joints; primary osteoarthritis of the right knee / degenerative arthritis of the right knee; R knee OA / right gonarthrosis
M17.12; joints; primary osteoarthritis of the left knee / degenerative arthritis of the left knee; L knee OA / left gonarthrosis
E03.9; metabolism; hypothyroidism / underactive thyroid; hypoT4 / hypothyroid state
E66.9; metabolism; obesity / marked overweight with obesity; obesity / BMI in obese range
N18.30; kidneys; chronic kidney disease stage 3 / moderate chronic renal impairment, stage 3; CKD 3 / CKD stage III
N18.4; kidneys; chronic kidney disease stage 4 / severe chronic renal impairment, stage 4; CKD 4 / CKD stage IV
G43.909; nerves; migraine / migraine headache, not intractable; migraine HA / migr.
I50.9; heart; heart failure / congestive heart failure; CHF / HF
G47.33; lungs; obstructive sleep apnea / obstructive sleep apnoea syndrome; OSA / obstr. sleep apnoea
D50.9; blood; iron deficiency anemia / anaemia from lack of iron; IDA / Fe-def. anemia
J18.9; lungs; pneumonia / community-acquired pneumonia; CAP / pna
J20.9; lungs; acute bronchitis / acute inflammation of the bronchi; ac. bronchitis / acute bronch.
J02.9; throat; acute pharyngitis / sore throat from acute pharyngitis; pharyngitis / ac. pharyng.
J01.90; throat; acute sinusitis / acute infection of the sinuses; ac. sinusitis / sinus infxn
J30.9; throat; allergic rhinitis / hay fever type allergic rhinitis; AR / allerg. rhinitis
H66.91; throat; otitis media of the right ear / right middle ear infection; R OM / AOM right
H66.92; throat; otitis media of the left ear / left middle ear infection; L OM / AOM left
H61.23; throat; impacted cerumen of both ears / ear wax blocking both canals; bilat. cerumen impaction / cerumen AU
K59.00; gut; constipation / chronic constipation; constip. / obstipation
K58.9; gut; irritable bowel syndrome without diarrhea / irritable colon; IBS / irrit. bowel
K57.30; gut; diverticulosis of the large intestine / colonic diverticulosis; diverticulosis coli / colonic tics
K80.20; gut; gallstones without cholecystitis / calculus of the gallbladder; cholelithiasis / GB stones
K29.70; gut; gastritis without bleeding / inflammation of the stomach lining; gastritis / NSAID gastritis
K40.90; gut; inguinal hernia without obstruction / unilateral groin hernia; ing. hernia / IH, reducible
K76.0; gut; fatty liver / hepatic steatosis; NAFLD / steatosis hepatis
K52.9; gut; noninfective gastroenteritis / gastroenteritis with colitis, noninfective; GE / gastroent.
A09; gut; infectious gastroenteritis / infectious diarrhea with gastroenteritis; inf. GE / infectious diarrh.
L40.0; skin; plaque psoriasis / psoriasis vulgaris; psoriasis / plaque PsO
L20.9; skin; atopic dermatitis / atopic eczema; AD (skin) / atopic derm.
L03.115; skin; cellulitis of the right leg / soft tissue infection of the right lower limb; RLE cellulitis / cellulitis R leg
L03.116; skin; cellulitis of the left leg / soft tissue infection of the left lower limb; LLE cellulitis / cellulitis L leg
L70.0; skin; acne vulgaris / common acne; acne / acne vulg.
B02.9; skin; shingles / herpes zoster without complication; zoster / HZ
B35.1; skin; fungal infection of the nails / tinea of the toenails; onychomycosis / tinea unguium
L82.1; skin; seborrheic keratosis / benign seborrhoeic wart; seb. keratosis / SK
L57.0; skin; actinic keratosis / solar keratosis; AK / actinic kerat.
G40.909; nerves; epilepsy, not intractable / seizure disorder; epilepsy / sz disorder
G20.A1; nerves; Parkinson’s disease without dyskinesia / idiopathic parkinsonism; PD / M. Parkinson
G35.D; nerves; multiple sclerosis / demyelinating disease, multiple sclerosis; MS / enceph. disseminata
G56.01; nerves; carpal tunnel syndrome of the right hand / median nerve compression at the right wrist; CTS R / R carpal tunnel
G56.02; nerves; carpal tunnel syndrome of the left hand / median nerve compression at the left wrist; CTS L / L carpal tunnel
G25.0; nerves; essential tremor / benign familial tremor; ET / ess. tremor
G25.81; nerves; restless legs syndrome / restless legs; RLS / restless legs synd.
G51.0; nerves; Bell’s palsy / idiopathic facial palsy; Bell palsy / periph. VII palsy
H81.10; nerves; benign paroxysmal vertigo / positional vertigo; BPPV / BPV
R55; nerves; syncope and collapse / fainting; syncope / TLOC
M10.9; joints; gout / acute gouty arthritis; gout flare / podagra
M81.0; joints; age-related osteoporosis without fracture / thin bones from osteoporosis; OP / osteopor.
M79.7; joints; fibromyalgia / widespread fibromyalgic pain; FM / FMS
M06.9; joints; rheumatoid arthritis / seropositive rheumatoid disease; RA / rheum. arthritis
M25.511; joints; pain in the right shoulder / right shoulder pain; R shoulder pain / omalgia R
M25.512; joints; pain in the left shoulder / left shoulder pain; L shoulder pain / omalgia L
M16.11; joints; primary osteoarthritis of the right hip / degenerative right hip disease; R hip OA / R coxarthrosis
M72.2; joints; plantar fasciitis / heel pain from plantar fascial fibromatosis; pl. fasciitis / PF
M77.11; joints; lateral epicondylitis of the right elbow / right tennis elbow; R epicondylitis / lat. epic. R
M54.2; joints; neck pain / cervicalgia; cerv. pain / cervicalgia
M54.16; joints; lumbar radiculopathy / radiating pain from a lumbar nerve root; lumb. radic. / LR with leg pain
M48.061; joints; lumbar spinal stenosis without claudication / narrowing of the lumbar canal; LSS / lumb. stenosis
F33.1; mind; recurrent major depression, moderate / moderate recurrent depressive episode; rMDD mod. / recurrent MDD, mod
F43.10; mind; post-traumatic stress disorder / trauma-related stress disorder; PTSD / post-traum. stress
F10.20; mind; alcohol dependence / alcohol use disorder, dependent; EtOH dep. / AUD
F17.210; mind; nicotine dependence with cigarettes / cigarette addiction; tobacco dep. / smoker, nicotine dep.
F90.9; mind; attention-deficit hyperactivity disorder / hyperactivity with attention deficit; ADHD / ADHD unspec
F51.01; mind; primary insomnia / sleeplessness without other cause; insomnia / prim. insomnia
F03.90; mind; dementia without behavioral disturbance / dementing illness; dementia / dement. unspec
N40.1; kidneys; enlarged prostate with urinary symptoms / benign prostatic hyperplasia with voiding trouble; BPH w/ LUTS / BPH sympt.
N20.0; kidneys; kidney stone / calculus of the kidney; nephrolithiasis / renal calc.
N17.9; kidneys; acute kidney failure / acute renal injury; AKI / ARF
N32.81; kidneys; overactive bladder / urge-type bladder overactivity; OAB / overact. bladder
N92.0; kidneys; heavy menstrual bleeding with regular cycles / menorrhagia; HMB / menorrh.
N95.1; kidneys; menopausal symptoms / climacteric complaints; climacteric / menop. sx
N76.0; kidneys; acute vaginitis / acute vaginal inflammation; vaginitis / ac. vag.
E10.9; metabolism; type 1 diabetes mellitus without complications / juvenile-onset diabetes; T1DM / IDDM
E11.65; metabolism; type 2 diabetes with hyperglycemia / poorly controlled type 2 diabetes with high sugars; T2DM w/ hyperglyc. / DM2 uncontrolled
E11.42; metabolism; diabetic polyneuropathy in type 2 diabetes / type 2 diabetes with polyneuropathy; DPN / T2DM w/ PNP
E05.00; metabolism; Graves’ disease without storm / diffuse toxic goiter; Graves / Basedow
E55.9; metabolism; vitamin D deficiency / low vitamin D; vit D def. / low 25-OH-D
E87.6; metabolism; low potassium / hypokalemia; hypoK / K low (hypokal.)
E87.1; metabolism; low sodium / hyponatremia; hypoNa / Na low (hyponatr.)
E86.0; metabolism; dehydration / volume depletion from dehydration; dehydr. / exsiccosis
D64.9; blood; anemia of unclear cause / anaemia, unspecified; anemia NOS / anaemia unsp.
D51.0; blood; pernicious anemia / vitamin B12 deficiency from lack of intrinsic factor; pern. anaemia / B12 def. (IF)
D69.6; blood; low platelets / thrombocytopenia; thrombopenia / TCP
I82.401; blood; deep vein thrombosis of the right leg / clot in the deep veins of the right leg; DVT RLE / R leg DVT
I82.402; blood; deep vein thrombosis of the left leg / clot in the deep veins of the left leg; DVT LLE / L leg DVT
I26.99; blood; pulmonary embolism without cor pulmonale / clot in the lung arteries; PE / pulm. emb.
I63.9; nerves; stroke / ischemic cerebral infarction; CVA / isch. stroke
G45.9; nerves; transient ischemic attack / passing stroke symptoms; TIA / transient isch. attack
I21.4; heart; non-ST elevation myocardial infarction / heart attack without ST elevation; NSTEMI / non-STEMI
I35.0; heart; aortic valve stenosis / narrowed aortic valve, nonrheumatic; AS (valve) / aortic sten.
I47.10; heart; supraventricular tachycardia / paroxysmal supraventricular tachycardia; SVT / PSVT
I83.93; heart; varicose veins of both legs / varicosities of both lower limbs; varices bilat. / VV both legs
I73.9; heart; peripheral vascular disease / circulation trouble of the legs; PVD / PAOD
R07.9; heart; chest pain / unexplained chest pain; CP / chest pn
H25.13; eyes; age-related nuclear cataract of both eyes / clouding of both lenses with age; cataract OU / nuclear cat. OU
H40.1130; eyes; primary open-angle glaucoma of both eyes / chronic glaucoma, both eyes; POAG OU / glaucoma bilat.
H10.9; eyes; conjunctivitis / red eye from conjunctivitis; conj. / pink eye
H04.123; eyes; dry eyes on both sides / dry eye syndrome, bilateral; DES OU / sicca OU
S52.501A; injuries; fracture of the lower end of the right radius, first visit / broken right wrist (distal radius), initial visit; R DRF / DRFx right
S52.502A; injuries; fracture of the lower end of the left radius, first visit / broken left wrist (distal radius), initial visit; L DRF / DRFx left
S93.401A; injuries; sprain of the right ankle, first visit / twisted right ankle, initial visit; R ankle sprain / inv. sprain R ankle
S93.402A; injuries; sprain of the left ankle, first visit / twisted left ankle, initial visit; L ankle sprain / inv. sprain L ankle
S61.411A; injuries; laceration of the right hand, first visit / cut to the right hand, initial visit; R hand lac / lac. R hand
S06.0X0A; injuries; concussion without loss of consciousness, first visit / concussed but never unconscious, initial visit; concussion, no LOC / commotio w/o LOC
T78.40XA; injuries; allergic reaction, first visit / allergy of unclear kind, initial visit; allerg. rxn / allergy NOS
Z23; visits; need for immunization / vaccination visit; vaccine visit / imm. update
Z00.00; visits; general adult examination without abnormal findings / routine check-up, nothing abnormal; annual PE, nl / well adult
Z79.4; visits; long-term use of insulin / on insulin for years; on insulin, LT / LT insulin
Z79.01; visits; long-term use of anticoagulants / on blood thinners for years; on OAC / LT anticoag.
Z87.891; visits; former nicotine dependence / stopped smoking years ago; ex-smoker / former tobacco
""")

# fmt: off
#: Signs of each system: complaints, findings, tests (with places for numbers) and what is done.
COMPLAINTS: dict[str, tuple[str, ...]] = {
    "heart": (
        "tightness across the chest on stairs", "palpitations at night", "swollen ankles by evening",
        "breathlessness when lying flat", "a racing pulse after coffee", "dizziness on standing up",
        "pressure behind the breastbone", "tiredness after short walks", "cold feet and pale toes",
        "cramps in the calves while walking",
    ),
    "metabolism": (
        "thirst through the night", "weight gain without eating more", "tingling in both feet", "feeling cold all day",
        "shaky spells before lunch", "blurred vision after meals", "dry skin and brittle nails", "muscle cramps",
        "tiredness from the morning on", "passing water every hour",
    ),
    "joints": (
        "stiffness for the first half hour", "pain when climbing stairs", "a dull ache after sitting", "a clicking joint",
        "shooting pain down the leg", "swelling after gardening", "weak grip on jars", "pain on turning in bed",
        "a hot swollen toe", "neck stiffness after desk work",
    ),
    "lungs": (
        "a dry cough for some days", "wheezing at night", "yellow sputum", "short breath on exertion",
        "loud snoring seen by the partner", "a rattling chest in the morning", "sleepiness at the wheel",
        "pain on breathing in", "a runny nose with mild fever", "cough that wakes the household",
    ),
    "gut": (
        "burning after meals", "bloating towards evening", "cramps relieved by stool", "loose stools since the weekend",
        "hard stools every third day", "nausea without vomiting", "pain under the right ribs",
        "a bulge in the groin on coughing", "loss of appetite", "acid taste on lying down",
    ),
    "mind": (
        "constant worry about small things", "waking at four every night", "no joy in hobbies", "irritability at work",
        "flashbacks after loud noises", "trouble keeping to a task", "forgetting appointments", "craving in the evening",
        "crying without a reason", "racing thoughts at bedtime",
    ),
    "kidneys": (
        "burning on passing water", "getting up five times a night", "a weak stream", "flank pain in waves",
        "sudden urge without warning", "foamy urine", "hot flushes", "heavy periods with clots", "itching and discharge",
        "blood in the urine once",
    ),
    "nerves": (
        "throbbing headache on one side", "numb thumb and fingers at night", "a short blackout in the kitchen",
        "shaking hand when holding a cup", "spinning on rolling over in bed", "restless legs in the evening",
        "a drooping corner of the mouth", "slow small steps", "a fit seen by a neighbour", "double vision for an hour",
    ),
    "blood": (
        "easy bruising", "a swollen tender calf", "pale skin noted by family", "short breath since yesterday", "nosebleeds",
        "tired and light-headed", "a sore tongue", "pica for ice", "pain on taking a deep breath",
        "a heavy leg after a long flight",
    ),
    "throat": (
        "pain on swallowing", "blocked nose with pressure over the cheeks", "sneezing in the garden",
        "earache since last night", "muffled hearing", "itchy watery eyes", "hoarse voice", "a feeling of water in the ear",
        "thick nasal discharge", "ringing in the ear",
    ),
    "skin": (
        "itching at night", "scaly patches on the elbows", "a red warm leg", "blisters in a band",
        "pimples on chin and back", "thickened yellow nails", "a rough spot on the temple", "a brown wart that grew",
        "dry cracked hands", "burning pain before a rash",
    ),
    "eyes": (
        "glare when driving", "gritty eyes by noon", "sticky lids in the morning", "halos around lamps",
        "slowly blurred sight", "red itching eyes", "tearing in the wind", "trouble reading small print",
        "losing sight at the sides", "foreign body feeling",
    ),
    "injuries": (
        "fell on the outstretched hand", "twisted the foot on a kerb", "cut by a kitchen knife",
        "hit the head on a cupboard", "slipped on wet tiles", "came off a bicycle", "stumbled over the dog",
        "hives after a meal", "lip swelling after nuts", "was struck by a ball",
    ),
    "visits": (
        "came for a routine visit", "has no new complaints", "wants to travel soon", "asks for a form to be signed",
        "comes to renew prescriptions", "feels well", "wants results explained", "brings a list of questions",
        "is here on request of the employer", "missed the last appointment",
    ),
}
FINDINGS: dict[str, tuple[str, ...]] = {
    "heart": (
        "heart sounds regular, no murmur", "irregular pulse, no gallop", "soft systolic murmur at the right upper border",
        "pitting oedema to mid-shin", "foot pulses weak on both sides", "jugular veins not distended",
        "calves soft, dilated veins",
    ),
    "metabolism": (
        "thyroid not enlarged", "feet warm, monofilament felt", "monofilament missed at three points", "skin dry, no ulcers",
        "central weight pattern", "tongue dry, turgor reduced", "reflexes brisk and equal",
    ),
    "joints": (
        "tender along the joint line", "full range with crepitus", "straight leg raise positive at some 40 degrees",
        "paravertebral muscles tight", "small effusion, no warmth", "heel tender at its inner side",
        "painful arc on lifting the arm", "first toe joint red and tender",
    ),
    "lungs": (
        "scattered wheeze, good air entry", "crackles at the base", "chest clear on both sides", "prolonged breathing out",
        "throat slightly red, chest clear", "wide neck, narrow pharynx", "no use of extra muscles",
    ),
    "gut": (
        "belly soft, mild tenderness in the upper part", "bowel sounds lively", "no guarding, no masses",
        "reducible bulge in the groin", "tender under the right ribs on deep breath", "stool palpable on the left",
        "liver edge just felt",
    ),
    "mind": (
        "affect flat, no thoughts of self-harm", "restless, good eye contact", "orientated, slow in answers",
        "mood low, insight good", "tense posture, speech normal", "three of five words recalled", "well kept, cooperative",
    ),
    "kidneys": (
        "flank tender on tapping", "bladder not palpable", "prostate smooth and enlarged", "no flank pain on tapping",
        "lower belly mildly tender", "no oedema of the face", "speculum: redness, no ulcer",
    ),
    "nerves": (
        "cranial nerves intact", "Tinel sign present at the wrist", "fine tremor of the hands held out",
        "positional test brings on nystagmus", "rigid arm with cogwheel feel", "forehead can not be wrinkled on one side",
        "gait steady, Romberg negative", "pronator drift on one side",
    ),
    "blood": (
        "conjunctivae pale", "calf three centimetres wider than the other", "few petechiae on the shins", "spleen not felt",
        "breathing fast, chest clear", "tongue smooth",
    ),
    "throat": (
        "tonsils red without coating", "ear drum red and bulging", "canals filled with wax", "nasal lining pale and swollen",
        "cheek tender on tapping", "small neck nodes",
    ),
    "skin": (
        "sharply edged scaly plaques", "dry lichenified folds", "warm redness to mid-calf without pus",
        "grouped blisters along one segment", "comedones and papules", "nails thick and crumbling", "rough scaly macule",
        "stuck-on brown plaque",
    ),
    "eyes": (
        "lens cloudy on both sides", "cup wide, pressure raised", "conjunctiva red, cornea clear",
        "tear film breaks up early", "vision 20/40 with glasses", "lids crusted",
    ),
    "injuries": (
        "swelling and bruising, skin closed", "wound of three centimetres, tendons working",
        "tender over the outer ligament", "wrist bent backwards, fingers warm", "pupils equal, no focal signs",
        "weals on trunk and arms", "weight bearing possible with pain",
    ),
    "visits": (
        "general condition good", "nothing abnormal on examination", "weight stable", "vaccination card seen",
        "medication list checked", "looks well",
    ),
}
TESTS: dict[str, tuple[str, ...]] = {
    "heart": (
        "ECG {a}/min, sinus", "troponin {n} ng/L", "BNP {b} pg/mL", "echo EF {e} %", "ECG shows fibrillation at {a}/min",
        "ankle index 0.{e}",
    ),
    "metabolism": (
        "HbA1c {h} %", "glucose {g} mg/dL", "TSH {t} mU/L", "LDL {g} mg/dL", "potassium {k} mmol/L", "sodium 1{s} mmol/L",
        "25-OH-D {n} ng/mL",
    ),
    "joints": (
        "X-ray: narrowed space, spurs of {n} mm", "uric acid {h} mg/dL", "CRP {n} mg/L", "MRI: disc bulge of {k} mm",
        "ESR {n} mm/h", "T-score -{t}",
    ),
    "lungs": (
        "SpO2 {o} % on air", "peak flow {b} L/min", "X-ray without infiltrate, CRP {n}", "X-ray: infiltrate, CRP {a} mg/L",
        "FEV1 {e} %", "sleep study AHI {n}",
    ),
    "gut": (
        "ALT {n} U/L", "lipase {e} U/L", "ultrasound: stones up to {n} mm", "calprotectin {g} µg/g",
        "stool culture pending, CRP {n}", "gamma-GT {a} U/L",
    ),
    "mind": (
        "PHQ-9 score {n}", "GAD-7 score {n}", "MoCA 2{d}", "AUDIT score {n}", "TSH {t}, B12 {b}",
    ),
    "kidneys": (
        "creatinine 1.{e} mg/dL", "eGFR {e} mL/min", "urine: nitrite positive, {n} white cells", "PSA {t} ng/mL",
        "residual volume {a} mL", "ultrasound: stone of {n} mm", "ferritin {n} µg/L",
    ),
    "nerves": (
        "CT head without bleeding, glucose {g}", "nerve conduction {e} m/s", "EEG without spikes, sodium 1{s}",
        "MRI: {d} small lesions", "levetiracetam level {n}",
    ),
    "blood": (
        "Hb {q} g/dL", "ferritin {d} ng/mL", "platelets {e} G/L", "D-dimer {b} ng/mL", "INR {t}", "MCV {a} fL",
        "B12 {a} pg/mL",
    ),
    "throat": (
        "strep test negative, CRP {n}", "audiogram loss of {n} dB", "tympanogram flat, {n} daPa", "IgE {b} kU/L",
    ),
    "skin": (
        "swab sent, CRP {n} mg/L", "PASI {k}", "fungal culture at {n} days", "dermoscopy without atypia, {n} mm",
    ),
    "eyes": (
        "pressure {n} mmHg right", "Schirmer {d} mm", "visual field loss {k} dB", "acuity 20/{e}",
    ),
    "injuries": (
        "X-ray: fracture line, tilt {n} degrees", "X-ray without fracture, CRP {d}", "tetanus {d} years ago",
        "GCS 15, watched {d} h", "tryptase {k} µg/L",
    ),
    "visits": (
        "BMI 2{d}.{d}", "cholesterol {g} mg/dL", "INR {t}", "glucose {a} mg/dL",
    ),
}
PLANS: dict[str, tuple[str, ...]] = {
    "heart": (
        "start metoprolol {m} mg", "raise lisinopril to {m} mg", "apixaban 5 mg twice daily",
        "cardiology referral within {d} weeks", "stress test", "low-salt diet", "compression stockings",
    ),
    "metabolism": (
        "metformin {m}0 mg twice daily", "levothyroxine {m} µg each morning", "atorvastatin {m} mg at night",
        "repeat labs in {d} weeks", "dietician", "insulin glargine {n} units", "vitamin D drops",
    ),
    "joints": (
        "physiotherapy {d} sessions", "ibuprofen {m}0 mg as needed", "allopurinol {m} mg", "night splint", "heel pads",
        "knee injection planned", "alendronate weekly",
    ),
    "lungs": (
        "salbutamol {d} puffs as needed", "prednisone {m} mg for {d} days", "amoxicillin 1 g three times daily",
        "CPAP trial", "tiotropium once daily", "steam and fluids", "stop-smoking course",
    ),
    "gut": (
        "pantoprazole {m} mg before breakfast", "fibre and fluids", "surgical opinion", "colonoscopy in {d} weeks",
        "macrogol once daily", "oral rehydration", "food diary for {d} weeks",
    ),
    "mind": (
        "sertraline {m} mg", "talking therapy weekly", "sleep hygiene sheet", "review in {d} weeks", "mirtazapine at night",
        "detox programme offered", "memory clinic",
    ),
    "kidneys": (
        "nitrofurantoin for {d} days", "tamsulosin at night", "nephrology referral", "bladder training",
        "drink two litres a day", "gynaecology visit", "avoid NSAIDs",
    ),
    "nerves": (
        "sumatriptan {m} mg as needed", "levodopa {m} mg three times", "wrist splint at night", "Epley manoeuvre done",
        "aspirin 100 mg", "no driving for {d} weeks", "pramipexole in the evening",
    ),
    "blood": (
        "iron every other day", "rivaroxaban 15 mg twice daily", "B12 injections weekly", "haematology referral",
        "repeat count in {d} days", "search for bleeding",
    ),
    "throat": (
        "nasal steroid spray", "ears rinsed", "paracetamol as needed", "amoxicillin for {d} days", "cetirizine 10 mg",
        "salt water rinses", "hearing check in {d} weeks",
    ),
    "skin": (
        "steroid cream twice daily", "flucloxacillin for {d} days", "valaciclovir for {d} days", "cryotherapy today",
        "emollients", "nail lacquer", "photo for follow-up",
    ),
    "eyes": (
        "artificial tears", "latanoprost at night", "cataract surgery list", "antibiotic drops for {d} days", "lid hygiene",
        "pressure check in {d} weeks",
    ),
    "injuries": (
        "cast for {d} weeks", "{d} stitches placed", "rest, ice, raise the limb", "head injury sheet given",
        "adrenaline pen prescribed", "X-ray again in {d} days", "tetanus booster",
    ),
    "visits": (
        "next check in {d} months", "flu shot given", "form signed", "prescriptions renewed", "INR in {d} weeks",
        "screening tests ordered",
    ),
}
SOCIAL = (
    "lives alone on the {o2} floor", "retired {t2}", "works as a {t2}", "walks the dog every day", "smokes {n} a day",
    "no alcohol", "wine at weekends", "married, {d} children", "cares for a grandchild", "shift work in a warehouse",
    "moved here {d} years ago", "swims once a week", "uses a walking stick", "drives a delivery van", "sleeps {d} hours",
)
TRADES = (
    "teacher", "welder", "cook", "gardener", "bus driver", "librarian", "nurse’s aide", "electrician", "baker", "cashier",
    "carpenter", "plumber", "programmer", "tailor", "farmer", "roofer",
)
DENIALS = (
    "no fever", "no chest pain", "no weight loss", "no cough", "no rash", "no headache", "no vomiting", "no fainting",
    "no bleeding", "no numbness", "no leg swelling", "no night sweats", "no change of sight", "no urinary complaints",
    "no joint swelling", "no palpitations",
)
FAMILY = (
    "father had {c}", "mother with {c}", "a brother has {c}", "an aunt died with {c}", "no family history of {c}",
    "grandmother had {c}",
)
DURATIONS = (
    "for {d} days", "for about {d} weeks", "since {d} months", "on and off for {d} years", "since the weekend",
    "since last {w}", "for {n} hours", "getting worse over {d} weeks",
)
WEEKDAYS = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)
COURSES = (
    "slowly better", "unchanged", "worse at night", "worse on exertion", "better with rest", "better with paracetamol",
    "comes in bouts", "there all day", "worse after meals", "worse in the cold",
)
REMARKS = (
    "Results were explained and questions answered", "Knows when to come back at once", "Side effects were discussed",
    "Agrees with the plan", "Written advice was given", "Wants to wait with tablets", "The spouse was present",
    "An interpreter was not needed", "Copies go to the referring practice", "Will ring if not better in {d} days",
    "Costs and alternatives were discussed", "The dose was halved because of nausea", "Took the tablets on most days",
    "Forgot tablets about {d} times a month", "Allergies: none known", "Allergic to penicillin (rash)", "Allergic to sulfa",
    "Weight {e}.{d} kg, {d} kg less than in spring", "Blood pressure at home about 1{s}/{e}", "Vaccinations are up to date",
)
#: Characters beyond ASCII that sound notes hold.
SIGNS = (
    "Temp 3{d2}.{d} °C", "pain {d} of 10 – mostly at night", "TSH {t} µIU/mL", "INR {t} ± 0.{d}",
    "“{q2}” in the patient’s own words", "café-au-lait spots, naïve about risks", "Ménière’s was ruled out {d} years ago",
    "Sjögren’s antibodies negative, Löffler’s unlikely", "SpO₂ ≥ 9{d} %", "½ tablet in the morning, ¼ at night",
    "β-blocker paused → restart at {m} mg", "wound {d} × {d} cm",
)
QUOTES = (
    "it feels like a brick", "I just can’t sleep", "like pins and needles", "it comes and goes", "never had this before",
    "as if someone squeezes it", "I don’t want an operation", "the pills don’t help",
)
DEPARTMENTS = (
    "general medicine", "emergency", "cardiology", "orthopedics", "neurology", "surgery", "dermatology", "ophthalmology",
    "psychiatry", "urology", "endocrinology", "pulmonology",
)
