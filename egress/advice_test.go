package egress

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Codes of the gate whose standard advice is a rewrite by itself.
var advisedByCode = map[string]bool{"CodeRowLevel": true, "CodeJoin": true, "CodePersonMixed": true, "CodeWindow": true}

// Codes of the gate whose refusals need a rewrite of their own.
var advisedByHand = map[string]bool{"CodeStatement": true, "CodeFunction": true, "CodeAggregate": true, "CodeGroupKey": true, "CodeMeasure": true, "CodeOperator": true,
	"CodeTableFunction": true, "CodeColumnNotApproved": true, "CodeTooLarge": true, "CodeTooSmall": true, "CodeDifference": true}

// Refusals that are given their advice later on.
var advisedLater = map[string]bool{
	"The aggregate %s over people is not released.": true, "The statement %s is not answered.": true, "Exactly one statement is answered at a time.": true,
	"The statement EXPLAIN is not answered: how the database runs a question hangs on the data.": true,
	// what engineError words; its advice is in codes.go
	"%s": true,
	// for checkers, who read the reason and not the advice
	"The statement makes or drops a table of the workspace.": true, "A question that is referred aggregates rows of people once.": true,
}

// rewrite is what an advice is made of.
var rewrite = regexp.MustCompile(`(?i)\b(use|ask|write|group|put|join|add|make|leave|keep|give|choose|select|count|compare|cast|send|query|convert|sum|aggregate|drop|partition)\b`)

// Each refusal in the source of the gate is one sentence, and advises a rewrite:
// its own, or that of its code where that is one.
func TestEveryRefusalInTheSourceAdvisesARewrite(t *testing.T) {
	var files []string
	for _, pattern := range []string{"*.go", "plan/*.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	seen := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		advice := map[*ast.CallExpr]ast.Expr{} // of calls of Errorf: the advice that follows
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if method, ok := call.Fun.(*ast.SelectorExpr); ok && method.Sel.Name == "WithAdvice" && len(call.Args) > 0 {
				on := method.X
				for { // past Because
					inner, ok := on.(*ast.CallExpr)
					if !ok {
						break
					}
					advice[inner] = call.Args[len(call.Args)-1]
					next, ok := inner.Fun.(*ast.SelectorExpr)
					if !ok {
						break
					}
					on = next.X
				}
			}
			return true
		})
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 {
				return true
			}
			function, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || function.Sel.Name != "Errorf" {
				return true
			}
			code, ok := call.Args[0].(*ast.SelectorExpr)
			if !ok || !advisedByCode[code.Sel.Name] && !advisedByHand[code.Sel.Name] {
				return true
			}
			seen++
			where := set.Position(call.Pos())
			sentence := text(call.Args[1])
			if advisedLater[sentence] {
				return true
			}
			if !strings.HasSuffix(sentence, ".") || strings.Contains(sentence, "\n") {
				t.Errorf("%s: %q is no sentence", where, sentence)
			}
			said, own := advice[call]
			switch {
			case !own && !advisedByCode[code.Sel.Name]:
				t.Errorf("%s: %q does not say what to do instead: add WithAdvice", where, sentence)
			case own && text(said) != "" && text(said) != "%s" && !rewrite.MatchString(text(said)):
				t.Errorf("%s: %q advises %q, which names no rewrite", where, sentence, text(said))
			}
			return true
		})
	}
	if seen < 60 {
		t.Errorf("only %d refusals were found", seen)
	}
	for kind, said := range insteadOf {
		if !rewrite.MatchString(said) && !strings.HasPrefix(said, "List ") {
			t.Errorf("%s is advised %q, which names no rewrite", kind, said)
		}
	}
}

// text is a string literal's value; "" for another expression.
func text(e ast.Expr) string {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return ""
	}
	s, err := strconv.Unquote(literal.Value)
	if err != nil {
		return ""
	}
	return s
}
