package sim

import (
	"math/rand/v2"
	"slices"
)

// Dice makes every choice of a history and writes it down, so that a history
// can be played again from its choices, also from fewer of them: past the end
// of the tape every choice is 0, which always stands for the dullest one.
type Dice struct {
	source *rand.PCG // nil: the tape decides
	tape   []uint32
	rolled []uint32
}

// Seeded returns dice that a seed decides.
func Seeded(seed uint64) *Dice { return &Dice{source: rand.NewPCG(seed, 0x5eed)} }

// Replay returns dice that fall as a tape says.
func Replay(tape []uint32) *Dice { return &Dice{tape: tape} }

// Tape returns the choices so far.
func (d *Dice) Tape() []uint32 { return d.rolled }

// N returns a choice out of n, from 0.
func (d *Dice) N(n int) int {
	var v uint32
	switch at := len(d.rolled); {
	case d.source != nil:
		v = uint32(d.source.Uint64()>>32) % uint32(n)
	case at < len(d.tape):
		v = d.tape[at] % uint32(n)
	}
	d.rolled = append(d.rolled, v)
	return int(v)
}

// Chance is true in so many of a thousand cases.
func (d *Dice) Chance(permille int) bool { return d.N(1000) >= 1000-permille }

// Shrink returns the shortest and dullest tape that it finds and that still
// fails, within so many tries: it leaves out or dulls ever smaller pieces.
func Shrink(tape []uint32, tries int, fails func(tape []uint32) bool) []uint32 {
	better := func(other []uint32) bool {
		if tries--; tries < 0 || !fails(other) {
			return false
		}
		tape = other
		return true
	}
	for again := true; again && tries > 0; {
		before := len(tape)
		for size := max(1, len(tape)/2); size > 0 && tries > 0; size /= 2 {
			for at := 0; at+size <= len(tape); {
				cut := slices.Concat(tape[:at], tape[at+size:])
				dull := slices.Concat(tape[:at], make([]uint32, size), tape[at+size:])
				if !better(cut) && (slices.Equal(dull, tape) || !better(dull)) {
					at += size
				}
			}
		}
		again = len(tape) < before
	}
	return tape
}
