package plan

// never and always are of conditions that hang on nothing.
func never(e Expr) bool {
	c, ok := e.(*Const)
	return ok && c.T.ID == "BOOLEAN" && (c.Null || c.Text != "true")
}

func always(e Expr) bool {
	c, ok := e.(*Const)
	return ok && c.T.ID == "BOOLEAN" && !c.Null && c.Text == "true"
}

func truth(b bool) *Const {
	if b {
		return &Const{T: Boolean, Text: "true"}
	}
	return &Const{T: Boolean, Text: "false"}
}

// withBranch is an expression as it is in the rows of one branch of a union: what
// asks for the branch is decided, and what hangs on literals then is too.
func withBranch(e Expr, at, branch int) Expr {
	return Rewrite(e, func(e Expr) Expr {
		switch e := e.(type) {
		case *Ref:
			if e.Index == at && e.T.ID == "BIGINT" {
				return integer(int64(branch))
			}
		case *Compare:
			return decided(e)
		case *Logic:
			return decidedLogic(e)
		case *Op:
			return decidedOp(e)
		case *Case:
			return decidedCase(e)
		}
		return e
	})
}

// plainConst is a literal, seen through casts that change nothing.
func plainConst(e Expr) (*Const, bool) {
	for {
		switch x := e.(type) {
		case *Const:
			return x, true
		case *Cast:
			if x.X.Type().SQL() != x.T.SQL() {
				return nil, false
			}
			e = x.X
		default:
			return nil, false
		}
	}
}

// decided compares literals of one type.
func decided(e *Compare) Expr {
	l, okL := plainConst(e.L)
	r, okR := plainConst(e.R)
	if !okL || !okR || e.Op != "=" && e.Op != "<>" || l.T.SQL() != r.T.SQL() {
		return e
	}
	switch {
	case l.Null || r.Null:
		return &Const{T: Boolean, Null: true}
	case l.Value != nil && r.Value != nil:
		return truth((l.Value.Cmp(r.Value) == 0) == (e.Op == "="))
	case l.T.ID == "VARCHAR":
		return truth((l.Text == r.Text) == (e.Op == "="))
	}
	return e
}

func decidedLogic(e *Logic) Expr {
	var rest []Expr
	for _, a := range e.Args {
		if c, ok := a.(*Const); ok && !c.Null {
			if always(a) == e.Or {
				return truth(e.Or) // one decides
			}
			continue
		}
		rest = append(rest, a)
	}
	switch len(rest) {
	case 0:
		return truth(!e.Or)
	case 1:
		return rest[0]
	}
	return &Logic{Or: e.Or, Args: rest}
}

func decidedOp(e *Op) Expr {
	first, ok := plainConst(e.Args[0])
	switch {
	case !ok:
		return e
	case e.Name == "NOT" && first.Null:
		return first
	case e.Name == "NOT":
		return truth(!always(first))
	case e.Name == "IS NULL" || e.Name == "IS NOT NULL":
		return truth(first.Null == (e.Name == "IS NULL"))
	case e.Name == "COALESCE" && !first.Null:
		return first
	case e.Name == "IN" || e.Name == "NOT IN":
		var any []Expr
		for _, x := range e.Args[1:] {
			same := decided(&Compare{Op: "=", L: first, R: x})
			if _, ok := same.(*Const); !ok {
				return e
			}
			any = append(any, same)
		}
		if len(any) == 1 {
			any = append(any, truth(false))
		}
		in := decidedLogic(&Logic{Or: true, Args: any})
		if e.Name == "NOT IN" {
			return decidedOp(&Op{T: Boolean, Name: "NOT", Args: []Expr{in}})
		}
		return in
	}
	return e
}

func decidedCase(e *Case) Expr {
	out := &Case{T: e.T, Else: e.Else}
	for i, when := range e.Whens {
		switch {
		case never(when):
		case always(when) && len(out.Whens) == 0:
			return e.Thens[i]
		case always(when):
			out.Else = e.Thens[i]
			return out
		default:
			out.Whens, out.Thens = append(out.Whens, when), append(out.Thens, e.Thens[i])
		}
	}
	if len(out.Whens) == 0 {
		return e.Else
	}
	return out
}
