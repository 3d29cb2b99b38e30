package expr

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// isPanic tells an evaluation that panicked. cel-go recovers by itself and
// gives an error of no type; the errors that it means to give have one.
func isPanic(err error) bool {
	_, answer := errors.AsType[*types.Err](err)
	_, stopped := errors.AsType[interpreter.EvalCancelledError](err)
	return !answer && !stopped && !errors.Is(err, interpreter.InterruptError{})
}

const panicText = "a mistake in crmsync itself: the evaluation panicked"

// panicFault says of a panic where it comes from, and nothing of its value,
// which may hold a part of the record.
func (p *Program) panicFault(s *Scope) *EvalError {
	e := &EvalError{End: len(p.tree.runes), Panicked: true, Message: panicText}
	if place := p.panicPlace(s); place != "" {
		e.Message += " in " + place
	}
	return e
}

// panicPlace evaluates once more, with an eye on each call, because cel-go
// keeps no stack. It returns nothing where the panic is not in a call, or does
// not come again.
func (p *Program) panicPlace(s *Scope) (place string) {
	watch := func(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		if call, ok := i.(interpreter.InterpretableCall); ok {
			return &witness{InterpretableCall: call, place: &place}, nil
		}
		return i, nil
	}
	run, err := p.env.cel.PlanProgram(p.ast, cel.CustomDecoratorV2(p.decorator().decorate), cel.CustomDecoratorV2(watch),
		cel.CostLimit(maxCost), cel.InterruptCheckFrequency(100))
	if err == nil {
		_, _ = evalWatched(run, s) // the panic is what it is run for
	}
	return place
}

// witness notes where a call's panic comes from, and lets it go on.
type witness struct {
	interpreter.InterpretableCall
	place *string
}

// Exec implements interpreter.InterpretableV2.
func (w *witness) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if _, stopped := cause.(interpreter.EvalCancelledError); !stopped && *w.place == "" {
			*w.place = PanicPlace()
		}
		panic(cause)
	}()
	return w.InterpretableCall.Exec(frame)
}

// Eval implements interpreter.Interpretable.
func (w *witness) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, w.Exec)
}

// PanicPlace returns the function that panicked and its line, such as
// "dsl/expr.limited (function.go:262)". It is for the deferred function that
// recovered, and is empty elsewhere. It names no value, so it may be logged.
func PanicPlace() string {
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers)])
	panicking := false
	for {
		f, more := frames.Next()
		inRuntime := strings.HasPrefix(f.Function, "runtime.")
		if panicking && !inRuntime {
			return fmt.Sprintf("%s (%s:%d)", strings.TrimPrefix(f.Function, "crmsync/"), filepath.Base(f.File), f.Line)
		}
		panicking = panicking || f.Function == "runtime.gopanic"
		if !more {
			return ""
		}
	}
}
