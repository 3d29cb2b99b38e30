package document

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSuggest(t *testing.T) {
	fields := []string{"email", "first_name", "last_name", "phone", "id", "stage", "status"}
	tests := []struct{ word, want string }{
		{"emial", "email"}, {"Email", "email"}, {"e-mail", "email"}, {"firstname", "first_name"}, {"frist_name", "first_name"},
		{"lastName", "last_name"}, {"phon", "phone"}, {"fone", "phone"}, {"statsu", "status"}, {"stag", "stage"}, {"ID", "id"}, {"ids", "id"},
		{"email", ""}, {"revenue", ""}, {"x", ""}, {"", ""}, {"zz", ""}, {strings.Repeat("e", 65), ""},
	}
	for _, tt := range tests {
		t.Run(tt.word, func(t *testing.T) {
			require.Equal(t, tt.want, Suggest(tt.word, fields))
		})
	}
	require.Equal(t, "aba", Suggest("abc", []string{"abd", "aba"}), "the first in the alphabet")
	require.Equal(t, "größe", Suggest("grosse", []string{"größe"}), "letters, not bytes")
	require.Empty(t, Suggest("word", nil))
	require.Empty(t, Suggest("wordx", []string{strings.Repeat("word", 20)}))
}
