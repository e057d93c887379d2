"""What stories are made of: wishes with their troubles and endings, helpers, homes and morals.
`{n}` is the hero's name, `{he} {his} {him}` the pronouns, `{h}` the helper, `{x}` a treasure;
`{home}` and `{done}` are the tale's own, and `{k}` is what a poem is about."""

from __future__ import annotations

from dataclasses import dataclass

from training.corpus.grammar import phrases


@dataclass(frozen=True)
class Plot:
    """A wish, what stood in its way, how a helper helped, how it came true, and how it didn't."""

    wish: str
    troubles: tuple[str, ...]
    helps: tuple[str, ...]
    wins: tuple[str, ...]
    done: str
    fails: tuple[str, ...]
    cast: str = "mover"


PLOTS: tuple[Plot, ...] = (
    Plot(
        "to see the sea",
        ("But the road was long, and it rained all day.", "But nobody knew the way."),
        ("showed {him} a path along the river", "drew a map in the sand"),
        ("Three days later {n} stood on the beach and laughed at the waves.",),
        "saw the sea",
        ("But the road never ended, and {n} turned back with wet feet.",),
    ),
    Plot(
        "to learn to sing",
        (
            "But every song came out like a squeaky door.",
            "But {his} voice was as thin as a thread.",
        ),
        ("taught {him} one note a day", "told {him} to listen to the wind first"),
        ("When spring came, {n} sang so well that the birds fell silent.",),
        "learned to sing",
        ("But the song stayed away, and {n} only hummed a little at night.",),
    ),
    Plot(
        "to find a friend",
        ("But everyone was busy, and the doors stayed shut.", "But {n} was shy and always hid."),
        ("sat down beside {him} and shared a warm bun", "asked {him} to come along for a walk"),
        ("From that day on the two were never apart.", "They played until the stars came out."),
        "found a friend",
        ("But in the evening they parted, and {n} was alone again.",),
    ),
    Plot(
        "to fly to the moon",
        ("But {his} paper wings broke in the first wind.", "But the moon was far away."),
        ("tied a hundred balloons to a basket", "built a ship of feathers with {him}"),
        ("That night {n} sat on the moon and waved at the tiny houses below.",),
        "flew to the moon",
        ("But the wind took the wings, and {n} could only look up.",),
    ),
    Plot(
        "to win the big race",
        ("But {his} legs were short, and the others were fast.", "But {n} tripped over a root."),
        ("showed {him} a short way through the trees", "ran with {him} every morning"),
        ("On the day of the race {n} came first by the tip of {his} nose.",),
        "won the race",
        ("But {n} came last, and went home without a prize.",),
    ),
    Plot(
        "to bake the best cake of all",
        ("But the first cake was as flat as a hat.", "But all the sugar was gone."),
        ("brought a jar of golden honey", "gave {him} an old recipe"),
        ("The cake was so good that even the king asked for more.",),
        "baked the best cake of all",
        ("But the cake burned, and all that was left was smoke.",),
    ),
    Plot(
        "to find the lost {x}",
        ("But the forest was dark and full of whispers.", "But {n} had looked everywhere twice."),
        ("held up a lantern and looked under every leaf", "remembered where it had rolled"),
        ("There lay the {x}, under an old root, shining like a star.",),
        "found the lost {x}",
        ("But the {x} stayed lost, and {n} went home in the dark.",),
    ),
    Plot(
        "to build a small house",
        ("But the wind blew it down again and again.", "But {n} had only three planks."),
        ("brought stones and showed {him} how to lay them", "carried wood all day long"),
        ("By the first snow {n} sat inside, warm and proud, with a pot of soup.",),
        "built a small house",
        ("But the storm took the roof, and {n} slept under the sky.",),
    ),
    Plot(
        "to cross the wide river",
        ("But the water was fast, and there was no bridge.", "But {n} could not swim."),
        ("made a boat out of an old barrel", "laid stone after stone across the water"),
        ("On the other side lay a meadow full of flowers, and {n} danced in it.",),
        "crossed the wide river",
        ("But the boat sank, and {n} stayed on the near side.",),
    ),
    Plot(
        "to not be afraid of the dark",
        ("But every night the shadows grew long.", "But {n} slept with both eyes open."),
        ("told {him} the names of all the stars", "gave {him} a jar with one firefly in it"),
        ("Now {n} walks at night, whistling, and says hello to the shadows.",),
        "was no longer afraid of the dark",
        ("But the dark was still dark, and {n} pulled the blanket up again.",),
    ),
    Plot(
        "to hear a really good secret",
        ("But nobody told {him} any, because {n} talked too much.", "But all secrets were taken."),
        ("whispered that listening is a kind of gift", "asked {him} to be quiet for one whole day"),
        ("In the quiet {n} heard the grass grow, and that was the best secret of all.",),
        "heard the best secret of all",
        ("But {n} told it at once, and then it was no secret any more.",),
    ),
    Plot(
        "to make the sad queen laugh",
        ("But the queen only sighed at every joke.", "But the guards would not open the gate."),
        ("lent {him} a hat that was much too big", "taught {him} to juggle three eggs"),
        ("All three eggs fell on {n}, and the queen laughed until she cried.",),
        "made the sad queen laugh",
        ("But the queen only sighed, and {n} walked home slowly.",),
    ),
    Plot(
        "to be useful again",
        ("But {n} stood in a corner, and dust fell on {him} day after day.",),
        ("wiped off the dust and took a good look", "carried {him} out into the sun"),
        ("Soon {n} was needed every single day, and never felt dusty again.",),
        "was useful again",
        ("But the corner stayed dark, and the dust kept falling.",),
        cast="thing",
    ),
    Plot(
        "to have a visitor",
        ("But the weeks went by, and only the rain came.", "But the path was full of thorns."),
        ("cut the thorns and put up a sign", "stopped to rest and told everyone about {him}"),
        ("Soon there were visitors every day, and children laughed all around {n}.",),
        "had visitors at last",
        ("But only the rain came, and it did not stay long.",),
        cast="still",
    ),
    Plot(
        "to be painted in bright colours",
        ("But all the paint was dry.", "But everybody said that grey was good enough."),
        ("mixed berries, grass and clay", "came with a brush and seven pots"),
        ("By evening {n} glowed like a rainbow, and people came from far away to look.",),
        "glowed like a rainbow",
        ("But the rain washed it all off again.",),
        cast="still",
    ),
    Plot(
        "to know what lies behind the hills",
        (
            "But {n} could not move, not even a little.",
            "But {n} had to stay, and only the wind went.",
        ),
        ("went there and came back with a hundred stories", "told {him} of towns and deserts"),
        ("After that {n} dreamed of far places, and it was almost like going.",),
        "heard all about the far places",
        ("But nobody came back to tell, and {n} went on wondering.",),
        cast="still",
    ),
    Plot(
        "to hear music",
        (
            "But it was so quiet that even the crickets yawned.",
            "But nobody there owned so much as a flute.",
        ),
        ("sang the only song that there was", "beat a rhythm on an empty pot"),
        ("Others joined in, and soon {n} was full of music from dusk to dawn.",),
        "was full of music",
        ("But the song was over too soon, and it was quiet again.",),
        cast="still",
    ),
    Plot(
        "to be on the map",
        ("But the mapmaker had run out of ink.", "But on every map there was only a white spot."),
        ("lent the mapmaker a new pen", "took {him} by heart and drew every line"),
        ("Now there is a small blue dot on the map, and next to it stands {n}.",),
        "was on the map",
        ("But the ink ran out, and the white spot stayed white.",),
        cast="place",
    ),
    Plot(
        "to stay awake for one whole night",
        ("But {n} always fell asleep at nine.", "But the moon made {him} so sleepy."),
        ("told {him} riddles until morning", "brewed a pot of very strong tea"),
        ("At dawn {n} saw the first light touch the roofs, and it was worth it.",),
        "stayed awake all night",
        ("But just before dawn {n} closed both eyes, and missed it.",),
    ),
    Plot(
        "to grow a giant pumpkin",
        ("But the seed was no bigger than a tear.", "But the snails ate every leaf."),
        ("sang to the seed each evening", "asked the snails to eat somewhere else"),
        ("In autumn the pumpkin was so big that {n} moved into it.",),
        "grew a giant pumpkin",
        ("But all that grew was one small leaf.",),
    ),
)
HELPERS = phrases(
    "an old owl|a kind baker|a small grey mouse|a tired postman|a girl with a red scarf|"
    "a wise turtle|"
    "a lost sailor|a friendly bear|a boy with a drum|a travelling tailor|a very old "
    "woman|a tiny beetle|"
    "a cheerful frog|a lonely giant|a passing crow|a clever hedgehog|a sleepy cat|a blue butterfly|"
    "a silent fisherman|a polite ghost|a goat with one horn|a young gardener|a merry "
    "miller|a white horse"
)
HOMES = phrases(
    "at the edge of a forest|in a small village|by a quiet lake|on top of a green hill|"
    "near the old mill|"
    "behind the bakery|on a little island|in a house with a crooked roof|under a big oak tree|"
    "at the end of a long road|in a town by the sea|beside a wooden bridge|in a valley full of fog|"
    "in a garden full of roses|between two tall mountains"
)
TREASURES = phrases(
    "key|ring|bell|coin|crown|button|pearl|map|golden egg|silver spoon|star|whistle"
)
TRAITS = phrases(
    "small|brave|curious|shy|clever|cheerful|lonely|sleepy|gentle|stubborn|quiet|kind|"
    "young|old|clumsy"
)
ROLES = phrases(
    "baker|sailor|gardener|tailor|shepherd|painter|knight|fisherman|musician|child|"
    "student|clockmaker|"
    "farmer|postman|inventor"
)
MORALS = phrases(
    "And they all slept well that night.|Good help is worth more than gold.|The end.|"
    "Sometimes a small step is enough.|And that is how it was.|Since then, nobody there "
    "has ever been sad "
    "for long.|It is never too late to try.|Even small ones can do great things."
)
SAD_ENDS = phrases(
    "It was a quiet night.|Not every wish comes true.|And the moon looked down and said nothing."
)
EVENTS = phrases(
    "The next day {n} woke up early and found a letter at the door. It was from {h}, who "
    "asked {him} to come to a feast.|"
    "A week later a storm came. {n} was not afraid, and let everyone in who had no roof.|"
    "Then {n} heard somebody cry. It was a little bird with a hurt wing, and {n} carried it home.|"
    "One evening {h} came back with a strange box. Inside there was nothing but a warm light.|"
    "Soon after that, {n} found a door that had never been there before. Behind it were "
    "stairs made of moonlight.|"
    "In winter the snow was so high that nobody could go out. So {n} told stories until it melted.|"
    "The following spring {n} planted a seed. By summer it was a tree full of tiny bells.|"
    "But one day {h} was gone. {n} looked for a night and a day, and found {h} asleep in "
    "a haystack."
)
AFTERS = phrases(
    "And {n} knew that this was only the beginning.|After that, {n} and {h} met every Sunday.|"
    "{n} smiled and thought of how it all began.|Everyone {home} still talks about it.|"
    "So {n} was happy, and so was {h}.|And the bells rang all night."
)
HAPPIER = phrases(
    "This time all went well: {n} {done}, {h} danced for joy, and there was cake for everyone.|"
    "In the end {n} {done} after all. {h} cheered, the sun came out, and they feasted "
    "until morning.|"
    "But then a little wonder happened: {n} {done}! {h} laughed and cried at once, and "
    "they were happy ever after."
)
POEMS = phrases(
    "The {k} went out to look for the moon,\nand came back home with a silver spoon.\nIt "
    "was not the moon, "
    "but it shone as bright,\nand the {k} slept well for the rest of the night.|"
    "O little {k}, so brave, so small,\nyou fear no wind, no rain at all.\nThe night is "
    "long, the road is "
    "wide,\nbut I will travel at your side.|"
    "A {k} sat down beneath a tree\nand sang a song for you and me.\nThe tree was old, "
    "the song was new,\n"
    "and all the leaves were dancing too."
)
