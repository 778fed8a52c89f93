//go:build duckdb_arrow

package duck

import "strings"

// statement is what can be told of a text that DuckDB parses but that is not
// made of SELECTs alone.
type statement struct {
	kind  string // as egress.Bound.Statement
	query string // the SELECT of a CREATE TABLE or CREATE VIEW … AS
}

// kinds are the statements by their first keyword. They are named, never planned.
var kinds = map[string]string{
	"ALTER": "ALTER", "ANALYZE": "ANALYZE", "ATTACH": "ATTACH", "BEGIN": "TRANSACTION", "CALL": "CALL",
	"CHECKPOINT": "CALL", "COMMENT": "COMMENT", "COMMIT": "TRANSACTION", "COPY": "COPY", "CREATE": "CREATE",
	"DEALLOCATE": "DEALLOCATE", "DELETE": "DELETE", "DESC": "DESCRIBE", "DESCRIBE": "DESCRIBE", "DETACH": "DETACH",
	"DROP": "DROP_OTHER", "EXECUTE": "EXECUTE", "EXPLAIN": "EXPLAIN", "EXPORT": "EXPORT", "FORCE": "INSTALL",
	"IMPORT": "IMPORT", "INSERT": "INSERT", "INSTALL": "INSTALL", "LOAD": "LOAD", "MERGE": "MERGE",
	"PIVOT": "PIVOT", "PRAGMA": "PRAGMA", "PREPARE": "PREPARE", "RESET": "SET", "ROLLBACK": "TRANSACTION",
	"SET": "SET", "SHOW": "SHOW", "START": "TRANSACTION", "SUMMARIZE": "SUMMARIZE", "TRUNCATE": "DELETE",
	"UNPIVOT": "PIVOT", "UPDATE": "UPDATE", "USE": "SET", "VACUUM": "VACUUM",
}

// dissect tells the kind of a statement, and cuts the query out of a CREATE. It
// is strict: a text that is not plainly one of the accepted statements gets a
// kind that is refused. That what it cuts out is one SELECT, DuckDB's own
// parser must say.
func dissect(sql string) statement {
	w := words{text: sql}
	first := strings.ToUpper(w.next())
	switch first {
	case "CREATE":
		if st, ok := dissectCreate(w); ok {
			return st
		}
	case "DROP":
		if dissectDrop(w) {
			return statement{kind: "DROP"}
		}
	}
	if kind, known := kinds[first]; known {
		return statement{kind: kind}
	}
	return statement{kind: kindMultiple}
}

// dissectCreate reads [OR REPLACE] [TEMP] {TABLE | VIEW} [IF NOT EXISTS] name [(names)] AS query.
func dissectCreate(w words) (statement, bool) {
	word := strings.ToUpper(w.next())
	if word == "OR" {
		if strings.ToUpper(w.next()) != "REPLACE" {
			return statement{}, false
		}
		word = strings.ToUpper(w.next())
	}
	if word == "TEMP" || word == "TEMPORARY" {
		word = strings.ToUpper(w.next())
	}
	if word != "TABLE" && word != "VIEW" {
		return statement{}, false
	}
	kind := "CREATE_" + word
	next := w.next()
	if strings.ToUpper(next) == "IF" {
		if strings.ToUpper(w.next()) != "NOT" || strings.ToUpper(w.next()) != "EXISTS" {
			return statement{}, false
		}
		next = w.next()
	}
	next, ok := w.name(next)
	if !ok {
		return statement{}, false
	}
	if next == "(" {
		for next != ")" {
			if next = w.next(); !isName(next) {
				return statement{}, false
			}
			if next = w.next(); next != "," && next != ")" {
				return statement{}, false
			}
		}
		next = w.next()
	}
	if strings.ToUpper(next) != "AS" {
		return statement{}, false
	}
	return statement{kind: kind, query: w.rest()}, true
}

// dissectDrop reads {TABLE | VIEW} [IF EXISTS] name [CASCADE | RESTRICT] [;].
func dissectDrop(w words) bool {
	if word := strings.ToUpper(w.next()); word != "TABLE" && word != "VIEW" {
		return false
	}
	next := w.next()
	if strings.ToUpper(next) == "IF" {
		if strings.ToUpper(w.next()) != "EXISTS" {
			return false
		}
		next = w.next()
	}
	next, ok := w.name(next)
	if !ok {
		return false
	}
	if word := strings.ToUpper(next); word == "CASCADE" || word == "RESTRICT" {
		next = w.next()
	}
	for next == ";" {
		next = w.next()
	}
	return next == ""
}

// words reads a statement's leading words: plain ASCII identifiers, quoted
// identifiers and single marks, past blanks and comments.
type words struct {
	text string
	at   int
}

// rest is the text that was not read.
func (w *words) rest() string { return w.text[w.at:] }

// unreadable stands for what words cannot read; no statement is made of it.
const unreadable = "\x00"

// next gives the next word, "" at the end, or unreadable.
func (w *words) next() string {
	if !w.skip() {
		return unreadable
	}
	if w.at == len(w.text) {
		return ""
	}
	start := w.at
	if w.text[w.at] == '"' {
		for w.at++; w.at < len(w.text); w.at++ {
			if w.text[w.at] != '"' {
				continue
			}
			if w.at+1 < len(w.text) && w.text[w.at+1] == '"' {
				w.at++
				continue
			}
			w.at++
			return w.text[start:w.at]
		}
		return unreadable
	}
	for w.at < len(w.text) && isLetter(w.text[w.at]) {
		w.at++
	}
	if w.at == start {
		w.at++
	}
	return w.text[start:w.at]
}

// skip passes blanks and comments; false in a comment that does not end, or
// that DuckDB might end elsewhere.
func (w *words) skip() bool {
	for {
		w.at += len(w.text[w.at:]) - len(strings.TrimLeft(w.text[w.at:], " \t\r\n\v\f"))
		rest := w.text[w.at:]
		switch {
		case rest == "":
			return true
		case strings.HasPrefix(rest, "--"):
			end := strings.IndexAny(rest, "\r\n")
			if end < 0 {
				end = len(rest)
			}
			w.at += end
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest, "*/")
			if end < 0 || strings.Contains(rest[2:end], "/*") {
				w.at = len(w.text)
				return false
			}
			w.at += end + 2
		default:
			return true
		}
	}
}

// name reads name[.name[.name]], whose first word is given, and gives the word after it.
func (w *words) name(first string) (next string, ok bool) {
	if !isName(first) {
		return "", false
	}
	for range 3 {
		next = w.next()
		if next != "." {
			return next, true
		}
		if !isName(w.next()) {
			return "", false
		}
	}
	return "", false
}

func isName(word string) bool {
	return word != "" && (word[0] == '"' || isLetter(word[0]) && (word[0] < '0' || word[0] > '9'))
}

func isLetter(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
