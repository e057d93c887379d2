"""Word lists that several generators share: colours, foods, animals, things, places and so on.
Words are lower-case unless they are names; `SPELLING` is the list that spelling is trained on."""

from __future__ import annotations

from pathlib import Path

from training.corpus.grammar import listed, phrases

COLOURS = listed(
    "red blue green yellow orange purple pink black white brown grey silver gold turquoise "
    "violet indigo crimson teal beige maroon lilac navy scarlet amber"
)
FOODS = phrases(
    "pizza|soup|bread|rice|pasta|noodles|pancakes|cheese|chocolate|salad|apple pie|curry|"
    "tomato soup|"
    "fish|beans|honey|cake|ice cream|waffles|potatoes|dumplings|sushi|tacos|mushrooms|porridge|"
    "lasagna|popcorn|strawberries|cherry pie|toast"
)
FRUITS = listed("apple pear plum cherry banana mango peach lemon orange grape melon fig kiwi")
DRINKS = phrases(
    "tea|coffee|milk|water|apple juice|lemonade|cocoa|mint tea|orange juice|ginger beer"
)
TOWNS = listed(
    "London Paris Berlin Rome Madrid Oslo Vienna Dublin Lisbon Prague Cairo Tokyo Delhi Boston "
    "Chicago Toronto Sydney Lima Quito Nairobi Athens Warsaw Helsinki Geneva Florence "
    "Bristol Leeds "
    "York Hamburg Naples Seville Porto Bergen Turin Austin Denver Seattle"
)
JOBS = phrases(
    "baker|teacher|doctor|nurse|pilot|sailor|farmer|painter|writer|cook|gardener|"
    "carpenter|musician|"
    "student|librarian|engineer|singer|dentist|driver|tailor|plumber|programmer|lawyer|builder"
)
HOBBIES = phrases(
    "chess|painting|running|swimming|fishing|knitting|reading|dancing|cooking|gardening|climbing|"
    "singing|cycling|skating|drawing|sailing|hiking|photography|pottery|surfing"
)
INSTRUMENTS = listed("piano guitar violin flute drums trumpet cello harp banjo accordion")
SEASONS = listed("spring summer autumn winter")
DAYS = listed("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = listed(
    "January February March April May June July August September October November December"
)
MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
ANIMALS = listed(
    "cat dog fox bear owl mouse rabbit horse cow sheep goat pig hen duck goose frog toad snail bee "
    "ant spider lion tiger elephant giraffe monkey whale dolphin fish turtle snake "
    "dragon wolf deer "
    "squirrel hedgehog badger otter beaver penguin parrot crow robin swan crab octopus "
    "camel donkey "
    "zebra panda koala kangaroo hamster bat mole moth butterfly crocodile unicorn llama ladybird"
)
THINGS = listed(
    "teapot kettle lamp boat bicycle train bell clock chair table spoon cup book kite balloon drum "
    "guitar piano umbrella hat shoe boot sock button key door window ladder bucket broom candle "
    "lantern mirror pencil letter map box bag coin ring star cloud snowman robot car bus tractor "
    "kite stone pebble leaf flower tree pumpkin potato carrot cake cookie sandwich computer "
    "telephone toaster pillow blanket rainbow raindrop lighthouse windmill ball puppet wagon"
)
PLACES = listed(
    "village forest island mountain river lake castle town farm garden hill valley beach harbour "
    "desert cave bridge tower school library market mill city sea meadow street house planet moon"
)
OBJECTS = listed(
    "key book hat phone ring letter map coin pen bag wallet umbrella watch scarf ball torch glove "
    "ticket camera hammer cake spoon lamp box toy"
)
SPOTS = phrases(
    "under the bed|in the drawer|on the table|behind the door|in the garden|under the mat|"
    "in the kitchen|on the shelf|in the car|in the box|behind the clock|in my pocket|on the chair|"
    "under the sofa|in the cupboard|next to the lamp|in the attic|on the roof|in the blue bag|"
    "by the window|in the cellar|inside the boot"
)
OPPOSITES = dict(
    pair.split("-")
    for pair in listed(
        "hot-cold big-small up-down day-night happy-sad fast-slow old-new open-closed wet-dry "
        "high-low light-dark hard-soft left-right black-white early-late full-empty good-bad "
        "loud-quiet near-far rich-poor strong-weak sweet-sour tall-short thick-thin true-false "
        "warm-cool yes-no long-short in-out on-off"
    )
)
SOUNDS = {
    "cow": "moo",
    "dog": "woof",
    "cat": "meow",
    "duck": "quack",
    "sheep": "baa",
    "pig": "oink",
    "owl": "hoo",
    "frog": "ribbit",
    "lion": "roar",
    "bee": "buzz",
    "snake": "hiss",
    "mouse": "squeak",
    "horse": "neigh",
    "hen": "cluck",
    "wolf": "howl",
    "crow": "caw",
}
NUMBERS = listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
)
COMMON = listed(
    "water house friend happy school music paper table green river winter summer little garden "
    "orange yellow purple silver window kitchen bread butter cheese sugar honey candle "
    "mother father "
    "sister brother morning evening night light dark cloud thunder snow rain wind storm "
    "ocean beach "
    "island forest flower grass stone sand fire earth world people child baby king queen prince "
    "castle knight sword magic wizard witch giant story dream sleep laugh smile dance "
    "sing jump walk "
    "run climb swim fly read write draw paint play game ball doll puzzle bridge road "
    "street city town "
    "village farm field barn tractor truck train plane boat ship wheel engine hammer "
    "nail rope chain "
    "lock door wall floor roof tower bell clock watch hour minute week month year number "
    "letter word "
    "name page book pencil eraser ruler desk lesson teacher doctor nurse pirate hello "
    "goodbye thanks "
    "please sorry yes no small large round square circle heart apple banana lemon cherry "
    "peach grape "
    "carrot tomato onion potato pepper rice soup salad pizza cookie candy chocolate "
    "coffee milk juice"
)
MORE = (Path(__file__).parent / "spelling.txt").read_text(encoding="utf-8").split()
SAID = tuple(
    sorted({*COMMON, *ANIMALS, *THINGS, *PLACES, *COLOURS, *FRUITS, *OBJECTS, *INSTRUMENTS})
)
SPELLING = tuple(sorted({*SAID, *MORE}))
