package document

import (
	"slices"
	"strings"
	"unicode"
)

// suggestRunes bounds the words that are compared: the work grows with the
// product of their lengths.
const suggestRunes = 64

// Suggest returns the word among those given that was most likely meant, "" if
// none is near. Letter case, and whether words are joined by _ or -, matter
// less than other letters. Of equally near words the first in the alphabet wins.
func Suggest(word string, among []string) string {
	typed := []rune(fold(word))
	if len(typed) == 0 || len(typed) > suggestRunes {
		return ""
	}
	best, bestAt := "", len(typed)/3+2 // a third of the letters, and one, may be wrong
	if len(typed) <= 2 {
		bestAt = 2
	}
	for _, candidate := range slices.Sorted(slices.Values(among)) {
		runes := []rune(fold(candidate))
		if candidate == word || len(runes) > suggestRunes {
			continue
		}
		if d := distance(typed, runes); d < bestAt && d < max(len(typed), len(runes)) {
			best, bestAt = candidate, d
		}
	}
	return best
}

// fold takes out letter case and what words of a name are joined by.
func fold(word string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' {
			return -1
		}
		return unicode.ToLower(r)
	}, word)
}

// distance returns how many letters must be inserted, removed, replaced or
// swapped with their neighbour to get from a to b (optimal string alignment).
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(row[j]+1, last[j+1]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
