package expr

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFaultsHoldNoText: a layout, a zone or a region may come from the record,
// and then what is told of it must not repeat it.
func TestFaultsHoldNoText(t *testing.T) {
	tests := []struct{ name, text, note, want string }{
		{"layout", `parseDate(record.name, record.note)`, "dd/MM/yyyy", "parseDate: the text is no date in the layout dd/MM/yyyy"},
		{"quoted text in a layout", `parseDate(record.name, record.note)`, "dd 'Ada Lovelace' MM", "parseDate: the text is no date in the layout dd '…' MM"},
		{"quote in a layout", `parseDate(record.name, record.note)`, "dd''MM", "parseDate: the text is no date in the layout dd'…'MM"},
		{"signs in a layout", `parseDate(record.name, record.note)`, "日本\\n+dd", "parseDate: the text is no date in the layout …dd"},
		{"text that reads like a date", `parseDate(record.name, record.note)`, "'2006 Ada'", "parseDate: the layout has quoted text that reads like a date"},
		{"zone", `formatDate(record.born, "yyyy", record.note)`, "Ada/Lovelace", "formatDate: there is no such time zone; write one such as Europe/Stockholm"},
		{"region", `e164(record.name, record.note)`, "Ada Lovelace", "e164: the region must be a country code such as GB"},
	}
	env := personEnv(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			program, issues := env.Compile(test.text, CompileOptions{})
			require.NotNil(t, program, issueText(issues))
			_, err := program.Eval(personScope(t, `{"name":"Ada","born":"2026-01-01T00:00:00Z","note":"`+test.note+`"}`))
			require.EqualError(t, err, test.want)
		})
	}
}
