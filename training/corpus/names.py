"""Names: a list of well-known ones, and invented ones that can be pronounced, without end.
A fixed part of both is kept for the evaluation: `known` names are trained on, `unseen` never."""

from __future__ import annotations

import zlib
from random import Random

from training.corpus.grammar import listed

SHE = listed(
    "Ann Mary Sara Emma Lucy Nina Clara Alice Julia Maria Eva Ida Lena Mia Rosa Ella Zoe Ruth "
    "Anna Sophie Olivia Amelia Grace Lily Hannah Laura Kate Jane Helen Nora Ada Vera Iris Maya "
    "Leila Priya Yuki Aisha Fatima Carmen Elena Ingrid Greta Paula Diana Tina Linda Susan Karen "
    "Martha Molly Daisy Flora Joan Betty Wanda Amy Beth Carla Dora Edith Fiona Gina Heidi Irene "
    "Jenny Kim Lara Mona Nadia Olga Petra Rita Sonia Tara Uma Violet Wendy Yara Zara Lisa Eve"
)
HE = listed(
    "Ben Tom Max Leo Sam Jack Paul Peter John Oscar Hugo Felix Otto Emil Karl Ivan Omar Ali Raj "
    "Kenji Diego Carlos Pablo Luis Marco Luca Nico Theo Noah Liam Ethan Adam David Daniel Simon "
    "Mark Luke Henry George Arthur Alfred Frank Fred Harry Jim Joe Bob Bill Tim Rob Dan Alex "
    "Chris Andrew James Robert Michael William Thomas Erik Lars Sven Anton Boris Victor Igor Hans "
    "Fritz Kurt Ralph Walter Ron Ned Gus Abe Cole Dean Earl Finn Glen Hal Ike Jay Kai Lee Mike"
)
UNSEEN_REAL = listed(
    "Agatha Barnaby Cedric Delphine Esmeralda Ferdinand Gwendolyn Horatio Imogen Jasper Kieran "
    "Lorenzo Mirabel Nigel Ophelia Percival Quentin Rosalind Siobhan Tobias Ursula Vincent Winston "
    "Xavier Yolanda Zachary Bridget Connor Deborah Elliot Francesca Gilbert Harriet Isaac Jocelyn "
    "Katrina Leonard Matilda Nathan Oswald Patricia Ramona Sebastian Theresa Valerie Dmitri Anika"
)
FOREIGN = listed("Zoë José Renée Jürgen Łukasz Søren André Chloé Björn Noël")
PETS = listed(
    "Rex Bella Milo Coco Biscuit Pepper Shadow Ginger Whiskers Pip Socks Muffin Patch Button Rusty "
    "Smokey Tiger Fluffy Bruno Luna Toffee Nibbles Bandit Waffle Pickle Domino Cinnamon Mango"
)

ONSETS = listed(
    "b br c ch cl d dr f fl g gl gr h j k kl kr l m n p pl pr qu r s sh sk sl sp st t th "
    "tr v w x y "
    "z zh"
)
VOWELS = listed("a a e e i i o o u ai ea ee ia io oo ou y ae")
CODAS = listed("n n r r l l s s k m x t d th nd rk st ck sh ll b g p v z")


def syllable(rng: Random) -> str:
    """Make up a syllable: often an onset, always a vowel, sometimes a coda."""
    onset = rng.choice(ONSETS) if rng.random() < 0.85 else ""
    return onset + rng.choice(VOWELS) + (rng.choice(CODAS) if rng.random() < 0.45 else "")


def invented(rng: Random, held: bool = False) -> str:
    """Make up a name of one side of the split."""
    while True:
        count = rng.choice((1, 2, 2, 2, 3, 3))
        name = "".join(syllable(rng) for _ in range(count)).capitalize()
        fresh = name not in KNOWN and 3 <= len(name) <= 11
        if fresh and (zlib.crc32(name.lower().encode()) % 10 == 0) == held:
            return name


KNOWN = tuple(SHE + HE)


def unseen_name(rng: Random) -> str:
    """Draw a name that training never uses."""
    return rng.choice(UNSEEN_REAL) if rng.random() < 0.5 else invented(rng, held=True)


def any_name(rng: Random) -> str:
    """Draw a name for training: many invented ones, so that copying is learnt."""
    roll = rng.random()
    if roll < 0.42:
        return rng.choice(KNOWN)
    return invented(rng) if roll < 0.98 else rng.choice(FOREIGN)


SURNAMES = listed(
    "Miller Baker Smith Jones Brown Green Stone Hill Novak Rossi Silva Kim Berg Wolf Fox"
)


def maybe_full(rng: Random, name: str) -> str:
    """Add a surname now and then."""
    if rng.random() > 0.06:
        return name
    return f"{name} {rng.choice(SURNAMES) if rng.random() < 0.5 else invented(rng)}"


def pronoun(rng: Random, name: str) -> str:
    """Choose `he` or `she` for a name; either one for a name that isn't listed."""
    if name in SHE:
        return "she"
    return "he" if name in HE else rng.choice(("he", "she"))
