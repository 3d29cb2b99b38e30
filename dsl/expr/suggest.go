package expr

import (
	"fmt"
	"strings"
)

// suggest returns the word among those that is nearest to a mistyped one, ""
// if none is near.
func suggest(word string, among []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, other := range among {
		if strings.EqualFold(word, other) {
			return other
		}
		if d := distance(strings.ToLower(word), strings.ToLower(other)); d < least {
			best, least = other, d
		}
	}
	return best
}

// distance counts the letters to add, drop, change or swap with their neighbour.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for k := range rows[0] {
		rows[0][k] = k
	}
	for i := 1; i <= len(a); i++ {
		for k := 1; k <= len(b); k++ {
			change := rows[i-1][k-1]
			if a[i-1] != b[k-1] {
				change++
			}
			rows[i][k] = min(change, rows[i-1][k]+1, rows[i][k-1]+1)
			if i > 1 && k > 1 && a[i-1] == b[k-2] && a[i-2] == b[k-1] {
				rows[i][k] = min(rows[i][k], rows[i-2][k-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// didYouMean writes the help for a mistyped name: the nearest one, and what
// there is.
func didYouMean(near, kind string, among []string) string {
	var lines []string
	if near != "" {
		lines = append(lines, fmt.Sprintf("did you mean %q?", near))
	}
	if len(among) > 0 {
		shown := among
		if len(shown) > 8 {
			shown = append(append([]string{}, shown[:8]...), fmt.Sprintf("… (%d)", len(among)))
		}
		lines = append(lines, kind+": "+strings.Join(shown, ", "))
	}
	return strings.Join(lines, "\n")
}
