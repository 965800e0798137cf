// @ts-check
// Words by what they do in a noun phrase, for noun_phrase.mjs: the same as got_models/chain/phrase_words.py. Pure.

/** @type {Record<string, string>} */
const WORDS = {
  determiner: `
    a an the this these those all both each every another any some several many few no half various
    numerous multiple its his her their my our your one two three four five six seven eight nine ten
    eleven twelve dozens hundreds`,
  // what they introduce belongs to the noun before them, with all that "and" adds to it
  with: `
    with without wearing holding carrying featuring containing including between`,
  preposition: `
    of in on at by under over above below beneath underneath behind beside besides near around across
    along alongside inside outside within through throughout toward towards against among amid from to
    into onto atop upon off past via during for like as than beyond opposite surrounding`,
  // prepositions with another one after them: next to, left of
  place: `
    next left right top bottom front close closer far further farther just directly immediately slightly
    adjacent north south east west up down back away ahead out`,
  be: `
    is are was were remains becomes be`,
  have: `
    has have had`,
  // verbs with an object
  does: `
    shows depicts portrays features contains includes displays presents captures illustrates reveals wears
    holds carries rides watches eats drinks walks reads sees feeds pulls pushes surrounds overlooks
    crosses faces covers fills reflects casts follows chases catches throws kicks hugs pets plays`,
  // verbs without one, which are no nouns
  rests: `
    sits lies sleeps appears swims kneels leans floats shines glows rises drifts gazes stares hovers waits
    grows`,
  // those that may be nouns: two stands
  moves: `
    stands rests hangs filters streams pours leads arrives smiles winds reaches spills falls runs flies
    looks jumps extends stretches perches sails dances shakes`,
  do: `
    sit stand lie rest hang run sleep fly lean float appear look rise shine glow swim jump grow extend
    stretch drift play walk kneel wait gaze live show depict contain feature include hold wear carry ride
    watch eat drink surround`,
  plural: `
    men women people children sheep fish deer geese mice couple family crowd pair group`,
  and: `
    and or plus & nor`,
  relative: `
    which who whom whose that where when`,
  boundary: `
    while but because although though whereas then if`,
  there: `
    there here`,
  // "an image of a cat": the box is the cat's
  image: `
    image picture photo photograph view shot scene illustration rendering drawing close-up closeup`,
  // "the cat is on the left": the box is the cat's
  side: `
    left right top bottom center centre middle foreground background corner side edge front back distance
    half part portion area`,
  // no participles, in spite of their ends
  noun: `
    king ring wing swing string spring building ceiling painting clothing railing evening morning wedding
    pudding herring earring clearing crossing bread seed weed shed sled`,
  adjective: `
    old young tall small big large little long short wide narrow thin thick fat slender slim round square
    tiny huge giant great high low deep bright dark light pale soft hard smooth rough wet dry hot cold
    warm cool new modern ancient antique elderly fluffy furry shiny rusty dusty dirty clean empty full
    open happy sad angry calm quiet wooden golden silver beautiful pretty handsome cute elegant simple
    ornate vintage wild strong weak heavy lush misty foggy snowy sunny cloudy rocky sandy grassy leafy
    steep curly striped spotted red green blue yellow purple orange pink brown black white gray grey gold
    teal cyan magenta`,
};

const listed = (/** @type {string} */ kind) => WORDS[kind].trim().split(/\s+/);
const NO_KINDS = ["image", "side", "plural"];
/** @type {Map<string, string>} */
export const KINDS = new Map(
  Object.keys(WORDS).filter((kind) => !NO_KINDS.includes(kind)).flatMap((kind) => listed(kind).map((word) => /** @type {const} */ ([word, kind]))),
);
export const [IMAGES, SIDES, PLURALS] = NO_KINDS.map((kind) => new Set(listed(kind)));
