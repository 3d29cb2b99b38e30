package dsl

import (
	"errors"
	"io/fs"

	"crmsync/dsl/document"
)

// fileDiagnostic returns a diagnostic about a file as a whole, or a folder.
func fileDiagnostic(file, id, message, help string) document.Diagnostic {
	start := document.Position{Line: 1, Column: 1}
	r := ruleByID[id]
	return document.Diagnostic{
		Severity: r.Severity, Code: r.ID, Rule: r.Slug, Message: message, Help: help,
		File: file, Range: document.Range{Start: start, End: start},
	}
}

// diagnose returns a diagnostic of that rule at a range of n's file.
func diagnose(n *document.Node, id string, at document.Range, message, help string) document.Diagnostic {
	r := ruleByID[id]
	return n.Report(r.Severity, r.ID, r.Slug, at, message, help)
}

// cause returns an error without the path that an fs.PathError repeats.
func cause(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}
