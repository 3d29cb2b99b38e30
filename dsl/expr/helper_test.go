package expr

import (
	"fmt"
	"strings"
)

func showIssue(i Issue) string {
	text := fmt.Sprintf("%s %d-%d %s", i.Code, i.Start, i.End, i.Message)
	if i.Warning {
		text = "warning " + text
	}
	if i.Help != "" {
		text += " | " + strings.ReplaceAll(i.Help, "\n", " / ")
	}
	if i.Fix != nil {
		text += fmt.Sprintf(" | fix %d-%d %s", i.Fix.Start, i.Fix.End, i.Fix.Text)
	}
	return text
}
