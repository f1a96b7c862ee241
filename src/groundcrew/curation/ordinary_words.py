"""Words that notes begin with a capital though they name nobody: what lets the masking of records pass a text without asking the
network. Words that are names as well are left out; a word that is missing costs time, never a name."""

from __future__ import annotations

from functools import cache

#: Everyday words of notes, beyond those of the titles of ICD-10-CM.
_ENGLISH = """
a abdomen able about above accept accepted accompanied according accountant ache aching across act active activity
actually acuity add added addendum adequate adjust adjusted administered admission admit admitted adult advice advise
advised afebrile affect affected afraid after afternoon again against age aged agitated ago agree agreed agrees ahead
aide air alarm albumin alcohol alert alive all allergic allergies allergy allow allowance allowed almost alone along
already alright also altered alternatives although always am ambulance among amount amylase an anaemia anamnesis and
anesthesia ankles another answer answered answers anterior anticipate anxious any anyone anything apart apnoea
apparent apparently appear appeared appears appetite apply appointment appointments approach appropriate approximately
are area areas arm arms around arrange arranged arrangements arrival arrived as aside ask asked asking asks assess
assessed assessment assist assistance assistant associated assume assumed at ate atherosclerotic attack attempt
attempted attend attended attending attestation audiogram aunt auscultation autopsy available average avoid avoided
awaiting awake aware away baby back background backwards bad bandage based baseline basically bath bathing bathroom be
became because become becomes bed bedroom bedtime been beer before began begin beginning begun behavior behaviour
behind being believe believes below bend bending benefit beside best better between beyond bicarbonate bicycle big
bike biking bilateral bilaterally bilirubin biopsy bit bleeding blister blisters bloated bloating blocked blocker
blockers blood blood-loss blurred board body bone bones booster boots both bottle bottom bouts bowel box brace
bradycardic brain bread breakfast breast breastbone breasts breath breathing breathless breathlessness brick brief
briefly bright bring brings brisk broken bronchi brother brought bruise bruises bruising bruit bruits builder building
bulge bulging bump burn burning burns bus business but button buy by cachectic calcium calf call called calling calls
calm calprotectin calves came can canals cannabis cannot car card cardiac cardiovascular care cared careful carefully
cares caring carpenter carried carry carrying case cases cashier cast cataract cause caused causes cautious cell cells
centimetre centimetres central certain certainly chair chance change changed changes chart check checked checking
checks cheek cheeks cheese chemo chest chief child children chin chloride choice cholesterol choose chose chronic
church cigarettes clammy clean clear cleared clearly clerk clicking climb climbing clinic clinical clinically close
closed closely clot clothes clots clouding cloudy coating coffee cogwheel cold collapse collar colleague colour
combative come comedones comes comfort comfortable coming comment comments common community companion company compare
compared comparison complain complained complaining complains complaint complaints complementary complete completed
completely compliance compliant complications computer concern concerned concerns conclusion concussed concussion
condition conditions confirm confirmed confused conjunctivae consent consequently consider considered considering
consistent constant constantly constipated constitutional consult consultation consulted consults contact contacted
continue continued continues continuing contracture contrast control controlled controls conversation cool cooperative
copies copy correct corrected cortisol cost costs cough coughing coughs could couple course cousin cover covered
cracked crackle crackles cramps craving cream creatinine crepitus crossed crumbling crusted crutches culture cultures
cup cupboard curb current currently cut cyanotic cyst dad daily dance dancing dark data date daughter day days deal
dealing decide decided decision decline declined declines decrease decreased deep deferred degree degrees dehydration
delay delayed delivery dementing demonstrated denied denies dentist deny department depending dermoscopy describe
described describes describing desk despite detail details determine detox develop developed develops device diagnosed
diagnoses diagnosing diagnosis diagnostic diarrhoea diary dictated did died dies diet dietary dietician difference
different difficult difficulty dilated dinner dipstick direct directed directly disability disabled discharge
discharged discuss discussed discussing discussion disease disoriented disposition dissolved distal distance distended
distension distress distressed divorced dizziness dizzy do doctor doctors does doing done door dose dose-adjusted
doses double doubt down downhill downstairs dressing dressings drift drink drinking drinks drive drives driving
drooping drop drops drove drowsy drug drugs dry due dull duration during dyspneic dyspnoeic each ear earache earlier
early ears easily easy eat eating echo edema edematous education effect effective effects effort effusion eggs eight
either elbow elbows elderly elective electrician electronically elevated eleven else emergency emollients emotional
employed employer encounter encouraged end ended endocrine ends engineer enjoy enjoys enough enter entered entire
equal erythematous especially essentially establish estimated estrogen etc evaluate evaluated evaluation even evening
event events eventually ever every everyone everything evidence exam examination examined except exercise exercises
exertion exhausted existing expansion expect expected experience experienced experiences explain explained explains
exposed exposure extensive extra extremely extremities extremity eye eyelid eyes face fact failed faint fainted
fainting fair fairly fall fallen falls familiar family far farmer fast fasting father fatigue favour favourite fax
febrile feel feeling feels feet fell felt female ferritin fever feverish fevers few fibre fibrillation field fifth
fifty fight file fill filled film films final finally find finding findings fine finger fingers finish finished
firefighter firm first fish fit fitness five fixed flank flare flashbacks flat flexed flight floor flu fluctuant fluid
fluids flushed flushes foamy focal follow follow-up followed following follows followup food foot football for
forehead forget forgets forgetting forgot form formal former forms forty found four free frequency frequent frequently
fresh friend friends from front fruit full fully function functional further future gait gallop gallstones garage
garden gardening gas gastrointestinal gave general generalised generalized generally genitourinary gentle gentleman
get gets getting girl give given gives giving glad glare glass glasses glucose go goal goals goes going golf gone good
got gradual gradually grandchild grandchildren grandfather grandmother gravida great grew grip gritty gross grossly
group grouped grown guard guarding guidance gums gym gynaecology had haemoglobin haemorrhage hair hairdresser half
hall halved hand hands happen happened happens happy hard has have having he head headache headaches headed healed
healing health healthy hear heard hearing heart heartbeat heavy heel heels heent height help helped helpful helps
hematocrit hematologic hemoglobin her here hernia herself high higher highly him himself hip hips his history hit
hives hoarse hobbies hold holding holter home hospital hospitalization hot hour hours house housing how however hpi
huge hungry hurt hurting hurts husband hydration hyperglycaemia hypoglycaemia hypokalaemia hyponatraemia hypoxic
ibuprofen ice icteric idea identified if ill illicit illness illnesses image images imaging immediate immediately
impaired important impression improve improved improvement improves improving in inability inch inches include
included includes including increase increased increases increasing indeed independent independently index indicate
indicated indicates indications individual indurated infant infection inferior infiltrate inflamed inflammation
information informed inhaler initial initially initiated injection injections injured injuries injury inner inquired
inside insight inspection instead instructed instruction instructions insulin insurance intact intake integumentary
intend intensive interest intermittent intermittently internal interpreter interval intervention into intraoperatively
involved iron irreducible is ischaemia ischaemic issue issues it itch itching itchy item items its itself jaundiced
jaw job jog jogging join joined joint joints judgment juice jump just keep keeping keeps kept kerb ketones kidney
kidneys kind kitchen knee kneel kneeling knees knew know knowing known knows lab laboratories laboratory labour labs
lack lacquer lactate ladder lady large largely last lasted lasting lastly lasts late later lateral latest lawyer lay
layer lead leads leave leaves leaving left leg legs lesion lesions less let lethargic letter leukaemia leukocytes
level levels librarian lichenified lid lie lies life lift lifting light lightheaded like likely likes limb limbs limit
limited line lines lining lipase lips list listed listen lists liters litre litres little live lived lively liver
lives living load local located location lodger long longer longstanding look looked looking looks loose lose loses
losing loss lost lot loud low lower lumbago lump lunch lung lungs lying lymph lymphatic machine macroscopic macular
macule made magnesium mail main mainly maintain make makes making male man manage managed management maneuver
manoeuvre many marital market married mass masses matter maximum maybe mcg me meal meals mean means meanwhile measure
measured measures meat mechanic medial medical medication medications medicine medicines meet meeting member memory
men menses mention mentioned mentions message met microscopic might migraine mild mildly milk millimetre millimetres
mind minimal minor minus minute minutes miserable missed missing mixed mmol mobile moderate moderately moist mole mom
moment monitor monitored monitoring monofilament month monthly months mood more morning most mostly mother mouth move
moved movement moves moving much mucus muffled multiple murmur muscle muscles musculoskeletal must my nail nails name
nanny narrowed nasal nausea nauseated naïve near nearly necessary neck need needed needs negative neighbor neighbour
neighbours neither nephew nephrolithiasis nerve nerves neuro neurologic neurological never new newly next nice niece
night nightly nights nine nitrite nitrites no nobody nodes nodule noise noncontributory none nonpalpable nontender
noon nor normal normally normotensive nose nosebleeds not notable note noted notes nothing notice noticed notices
notified now numb number numbers numbness nurse nurses nursing obese object objective observation observed obtain
obtained obvious occasional occasionally occur occurred occurs oedema oedematous oesophagus of off offered office
often oh okay old older on once one ones ongoing only onset open opened ophthalmologic opinion option options or oral
orally order ordered orders orientated oriented original orthopaedic orthopaedics other others otherwise our out
outcome outer outpatient outside outstretched over overactive overall overnight overweight own oxygen pack paediatric
paediatrics pain painful pains paint painter pair pale palm palpable palpation palpitations palsy panel paper
paperwork papular para paravertebral parent parents part partially particular particularly partner parts pass passed
passing past pasta patches pathology patient patients pattern paused pay peak pelvic pelvis pending people per percent
percussion percutaneous perform performed perhaps period pernicious persistent persists person personal pharmacist
phone phosphate photo physical physician physicians physio physiotherapy pica pick picked picture piece pill pills
pilot pimples pins pitting place placed plain plan plane planned planning plans plaque plaques platelets play plays
pleasant please plenty plumber plus pmol podagra point points police polyp polyps poor poorly position positive
possible possibly post posterior postoperatively posture potential pounds practice precautions prefer preferred
prefers pregnant preoperatively preparation prescribe prescribed prescription prescriptions presence present
presentation presented presenting presents pressure pretty prevent preventive previous previously primary principal
print prior probable probably problem problems procalcitonin procedure procedures proceed proceeded process profile
program programmer progress progressed progressing progressive prolactin prompt pronator proper provided provider
provides proximal psych psychiatric psychiatry puffs pull pulling pulmonary pulse pulses pump pupil pupils purpose pus
push pushing put quality question questions quick quickly quiet quit quite racing radiating radiology raise raised
rales ran range rapid rapidly rare rarely rash rate rather ratio rattling reach reached reaction read reading readings
ready real realized really reason reasonable reasons reassessed reassurance reassured rebound recall recalled recalls
receive received receives receiving recent recently recheck recommend recommendation recommendations recommended
record records recovered recovery recurrent redness reduce reduced reducible refer referral referred referring refill
refilled refills reflexes refused refuses regard regarding regards region regular regularly rehabilitation relate
related relation relative relatively relaxed release relevant reliable relief relieved relieves remain remained
remaining remains remark remember remembers remove removed renew renewed repeat repeated repeatedly replaced
replacement reply report reported reportedly reporting reports request requested requests require required requires
research residence residual resistance resolution resolve resolved resolving respect respiratory respond responded
response responsive rest restart resting restless restricted result resulted results resume resumed retired return
returned returning returns reveal revealed reveals review reviewed reviewing rhonchi rhythm rib ribs rice rid right
rigid rigidity ring ringing rinsed rinses rise risk risks road role roofer room round routine routinely rub rubs ruled
run running runny runs safe safety said salesman saleswoman salt same sample sat satisfactory satisfied saw say saying
says scale scaly scan scans scar scheduled school score scores screen screening search seborrhoeic second secondary
secretary section see seeing seek seem seemed seems seen seizure seizures self send sending sensation sense sent
sentence separate series serious seriously seropositive serum service services sessions set setting settled seven
several severe severely severity shaking shaky shall shape share shared sharp sharply she sheet shift shin shins shock
shoes shooting shop short shortly shortness should shoulder shoulders show showed shower showing shown shows sick side
sides sight sign signature signed significant significantly signs similar similarly simple since single sinus sinuses
sister sit sitting situation six size skin sleep sleepiness sleeping sleeplessness sleeps sleepy slept slight slightly
slow slower slowly small smaller smear smell smoke smoked smoker smokes smoking sneezing snores snoring so social
sodium soft solar soldier some somebody someone something sometimes somewhat son soon sore sorry sort sounds source
spasm speak speaking speaks specialist specific specifically specimen specimens speculum speech spell spend spent
spine spinning spleen splint spoke spot spouse sprain spray spread spurs sputum squat squatting squeezes stabbing
stable staff stage stairs stand standard standing stands start started starting starts state stated states stating
status stay stayed staying stays steady step steps sternum stick sticky stiff stiffness still stitches stockings
stomach stone stood stool stools stop stopped stopping stops straight street strength strengthening stress strict
stroke strong student studies study stumbled subject subjective subsequent subsequently substance such sudden suddenly
suffered suffers sugar sugars suggest suggested suggests suitable summary sun superficial superior supple supplies
supply support supportive supposed sure surface surgeon surgeries surgery surgical surveillance suspect suspected
sustained suture sutures swab swallow swallowing sweat sweats sweaty swelling swim swimming swims switched swollen
symmetric symptom symptomatic symptoms syndrome system systems table tablet tablets tachycardic take taken takes
taking talk talked talking tall taper tapping target task taught tea teacher team tearful tears technique teeth tell
telling tells temperature temple ten tenant tend tendency tender tenderness tendon tends tennis tense tension term
test tested testes testing testosterone tests than thank thanks that the their them themselves then therapist therapy
there thereafter therefore these they thick thickened thigh thighs thin thing things think thinking thinks third
thirst thirty this those though thought thoughts three thrice throat throbbing through throughout thumb thus thyroid
thyroiditis tight tightness tiles tilt time times tingling tiny tired tiredness tissue title to tobacco today toe
toenails toes together told tolerate tolerated tolerating tomorrow tone tongue tonight too took tooth top total touch
toward towards track train trained training transcribed transfer transferred transport transurethral travel travelled
treat treated treatment treatments tremor trial tried triglycerides trip troponin trouble true try trying tryptase
tumor tumour tumours turgor turn turned turning twelve twenty twice twisted two tympanogram type typical typically
ulcer ulcers ultrasound unable unchanged uncle unclear unconscious under underactive undergo underlying understand
understanding understands underweight underwent uneventful unexpected unfortunately unit units unknown unless unlikely
unremarkable unresponsive unsteady until unusual up update updated uphill upon upper upright upstairs urge urgent
urgently urinary urine us use used useful uses using usual usually uterus vaccinated vaccination vaccinations vaccine
vague valid value values van variable varicosities various vascular vast vegetables vein veins versus vertigo very
vesicular via view vigorous virus visible vision visit visited visits visual vital vitals vitamin voiding volume
vomited vomiting waist wait waited waiter waiting waitress wake wakes waking walk walked walking walks wall want
wanted wants warehouse warm warmth warning wart warts was wash watch watched water watery way we weak weakness weals
wear wearing weary week weekend weekends weekly weeks weigh weighed weighs weight welcome welder well went were what
wheelchair wheeze wheezes wheezing wheezy when whenever where whereas whether which while who whole whose why wide
widely wider widespread widowed wife willing window wine wish wishes with within without woke woman women wondering
word words work worked worker working works worn worried worries worry worse worsened worsening worst would wound
wounds wrinkled wrist write writes written wrong wrote x-ray yard yeah year yearly years yes yesterday yet yoga you
young younger your
"""
_MEDICINES = """
acetaminophen aciclovir acyclovir adrenaline albuterol alendronate allopurinol alprazolam amiodarone amitriptyline
amlodipine amoxicillin apixaban aripiprazole aspirin atenolol atorvastatin azathioprine azithromycin baclofen
beclomethasone benazepril betamethasone bisoprolol budesonide bumetanide buprenorphine bupropion buspirone calcitriol
calcium candesartan carbamazepine carbidopa carvedilol cefalexin ceftriaxone celecoxib cephalexin cetirizine
chlorthalidone ciprofloxacin citalopram clarithromycin clindamycin clonazepam clonidine clopidogrel codeine colchicine
cyclobenzaprine dabigatran dexamethasone diazepam diclofenac digoxin diltiazem diphenhydramine donepezil doxazosin
doxycycline duloxetine edoxaban empagliflozin enalapril enoxaparin epinephrine escitalopram esomeprazole estradiol
eszopiclone ezetimibe famotidine fentanyl ferrous fexofenadine finasteride flecainide flucloxacillin fluconazole
fluoxetine fluticasone folate folic formoterol furosemide gabapentin glargine glimepiride glipizide glyburide
haloperidol heparin hydralazine hydrochlorothiazide hydrocodone hydrocortisone hydromorphone hydroxychloroquine
hydroxyzine ibuprofen indapamide insulin ipratropium isosorbide ketoconazole ketorolac labetalol lactulose lamotrigine
lansoprazole latanoprost levetiracetam levodopa levofloxacin levothyroxine lidocaine linagliptin liraglutide
lisinopril lithium loperamide loratadine lorazepam losartan macrogol magnesium meclizine melatonin meloxicam memantine
metformin methadone methotrexate methylphenidate methylprednisolone metoclopramide metolazone metoprolol metronidazole
mirtazapine montelukast morphine mupirocin naproxen nifedipine nitrofurantoin nitroglycerin nortriptyline olanzapine
olmesartan omeprazole ondansetron oxybutynin oxycodone pantoprazole paracetamol paroxetine penicillin phenytoin
pioglitazone potassium pramipexole pravastatin prednisolone prednisone pregabalin promethazine propranolol quetiapine
ramipril ranitidine risperidone rivaroxaban rizatriptan ropinirole rosuvastatin salbutamol salmeterol semaglutide
senna sertraline sildenafil simvastatin sitagliptin solifenacin spironolactone sulfa sulfamethoxazole sumatriptan
tacrolimus tamoxifen tamsulosin temazepam tiotropium tizanidine topiramate torsemide tramadol trazodone triamcinolone
trimethoprim valaciclovir valacyclovir valproate valsartan vancomycin venlafaxine verapamil warfarin zolpidem
zopiclone tylenol advil motrin lasix lipitor zocor norvasc coumadin eliquis xarelto plavix synthroid lantus humalog
novolog glucophage januvia jardiance ozempic prozac zoloft lexapro cymbalta effexor wellbutrin xanax ativan klonopin
valium ambien seroquel neurontin lyrica percocet vicodin norco oxycontin ultram flexeril celebrex mobic prilosec
nexium protonix pepcid zantac zofran reglan colace miralax ventolin proair advair symbicort spiriva singulair flonase
zyrtec claritin allegra benadryl augmentin zithromax keflex bactrim cipro levaquin diflucan lovenox toprol lopressor
coreg cozaar diovan zestril crestor zetia tricor flomax proscar viagra cialis fosamax boniva aricept namenda sinemet
keppra dilantin depakote lamictal topamax imitrex
"""
#: Diseases, signs and tests that bear a name: with what follows them they are nobody's.
_EPONYMS = """
addison alport alzheimer apgar babinski baker barlow barrett basedow bechterew behçet bell bowen brudzinski brugada
burkitt bartholin charcot chvostek colles cobb coombs conn coxsackie crohn cushing doppler down dupuytren duchenne
dix-hallpike eisenmenger epley epstein epstein-barr eustachian fallot foley fabry finkelstein gilbert giemsa glasgow
goodpasture gram graves guillain guillain-barré hashimoto heimlich henoch hodgkin holter homan homans huntington
horner jacksonian kaposi kawasaki kernig klinefelter korsakoff lachman lasègue legionella lyme lhermitte löffler
löfgren ludwig mantoux marfan mcburney mcmurray meckel menière ménière meniere mohs morton munchausen murphy neer
osgood osler paget parkinson papanicolaou perthes peyronie phalen pott prinzmetal quincke raynaud reiter reynolds
rinne romberg rorschach schlatter schirmer sever sjögren sjogren snellen spurling stevens-johnson still swan-ganz
takayasu tanner tinel tourette trendelenburg trousseau turner valsalva virchow waldenström weber wegener wernicke
whipple wilson wolff wolff-parkinson-white wood yersinia zenker
"""
EPONYMS = frozenset(_EPONYMS.split())
#: Names of months and days, of languages and peoples, and other words that are always written with a capital.
_CAPITAL = """
monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun january february
march september october november december caucasian african asian hispanic latino european american english spanish
german french italian russian chinese arabic christian catholic muslim jewish covid internet medicare medicaid dr drs
mr mrs ms pt pts hx dx tx rx sx fx fhx shx pmh psh temp resp abd gen neuro ext lab labs cv psych echo inh tab tabs cap
caps bid tid
"""
#: Shorter words in capitals are abbreviations; of longer ones these are.
_ABBREVIATIONS = """
copd nstemi stemi gerd adhd ptsd nafld ckd perrla heent nsaid nsaids aids covid mrsa esrd cabg ercp turp hfref hfpef
icd10 hba1c fev1 phq9 moca audit bmi pasi prbc cpap bipap tavr ecmo spect pmhx pshx labs meds exam plan note chief
complaint history course diagnoses discharge admission arrival work-up disposition impression assessment subjective
objective addendum copy final report allergies medications results home further care eval known stat urgent none
normal name date time unit nkda nkma wbc hgb plt afebrile ldl hdl gfr egfr crp esr inr urti idd iddm niddm poag bppv
psvt etoh luts hypot4 tias utis stds mdds fmhx lmtd rrna mrcp erbp ckdmbd nkdas prns paod tloc afib unspec obstr bilat
isch sympt constip irrit pulm cerv allerg depr prim periph mmhg spo₂
"""
ABBREVIATIONS = frozenset(_ABBREVIATIONS.split())
#: Ordinary words that are names as well; they say nothing, except before a small letter at the beginning of a sentence.
_NAMES_TOO = """
art baker bay bell bill black bloom bond brook brooks brown bush butler carpenter case chance chase christian church
clay cook cooper crystal daisy day dean drew eve faith fisher ford forest fox frank gardener gene glen grace grant
gray green grey guy hall harmony hill holly hope hunter iris ivy jack jasmine jean jordan joy king knight lane lee
lily little long love marsh mark mason may mercy miller moon moore newman noble north olive page park parker pat
patience pearl penny pierce piper pope porter pound power price prince queen ray reed rich rob robin rock rose ruby
rush sage scarlet sharp shepherd short singer skip smith snow spring steel stone strange sterling storm summer swift
tailor tanner taylor tucker turner usher vale violet wade walker ward waters weaver wells west white will wise wolf
wood woods young younger
"""
NAMES_TOO = frozenset(_NAMES_TOO.split())
_ENDINGS = (
    *(
        "itis",
        "osis",
        "ectomy",
        "pathy",
        "emia",
        "aemia",
        "ology",
        "algia",
        "graphy",
        "oscopy",
        "plasty",
        "ation",
        "ition",
        "ical",
    ),
    *(
        "pril",
        "sartan",
        "statin",
        "mycin",
        "cillin",
        "azole",
        "olol",
        "dipine",
        "gliptin",
        "prazole",
        "oxacin",
        "parin",
        "ectasis",
    ),
)
_ENDING_LENGTH_MIN = 8


@cache
def ordinary_words() -> frozenset[str]:
    """Everything that may begin with a capital and be nobody, in small letters."""
    from groundcrew.code_systems import icd10cm

    found = {*_ENGLISH.split(), *_MEDICINES.split(), *_CAPITAL.split(), *ABBREVIATIONS}
    for entry in icd10cm.load().codes.values():
        if entry.kind == "code":
            for title in (entry.title, *entry.inclusions):
                # The first word has a capital as every first word; only what stands in small letters is a word.
                found.update(
                    word for word in title.replace("-", " ").replace("(", " ").split() if word.isalpha() and word.islower()
                )
    return frozenset(found - NAMES_TOO - EPONYMS)


def is_ordinary(word: str) -> bool:
    """Whether `word`, in small letters, names nobody."""
    return word in ordinary_words() or (len(word) >= _ENDING_LENGTH_MIN and word.endswith(_ENDINGS))
