package meshtest

import (
	"bytes"
	"strings"
)

// answer is what the check service does with a request that has arrived whole.
func (s *Sandbox) answer(m *Message) {
	f := s.faults
	if m.To != Service || m.Workflow != workflow || m.LocalID == "" || m.Subject == "" || strings.ContainsAny(m.LocalID+m.Subject, ": ") || f.NoReply {
		return // as the real one: whoever leaves these out hears nothing
	}
	status := &Message{Workflow: workflow, LocalID: m.LocalID, Subject: "SUCCESS", FileName: "status.dat", Chunks: [][]byte{{}}}
	if f.StatusInBody {
		status = &Message{Workflow: workflow, LocalID: m.LocalID, Subject: m.Subject, FileName: "status.dat", Chunks: [][]byte{[]byte("Subject=SUCCESS\n")}}
	}
	if f.ReportError {
		s.deliver(&Message{Report: true, LinkedID: m.ID, LocalID: m.LocalID, Workflow: workflow, Code: "14"})
		return
	}
	if !f.Reorder {
		s.deliver(status)
	}
	if f.StatusOnly {
		return
	}
	reply := s.check(bytes.Join(m.Chunks, nil))
	bear := m.LocalID
	if f.WrongLocalID {
		bear = "somebody-elses"
	}
	if f.Impostor {
		few := reply[:len(reply)/12/10*9*12]
		s.deliver(&Message{From: "OTHER01", Workflow: workflow, LocalID: bear, Subject: m.Subject, FileName: m.FileName, Chunks: s.split(few)})
		s.deliver(&Message{From: "OTHER01", Workflow: workflow, LocalID: bear, Subject: m.Subject, Code: "14", Chunks: [][]byte{nil}})
		return
	}
	message := func(content []byte) *Message {
		return &Message{Workflow: workflow, LocalID: bear, Subject: m.Subject, FileName: m.FileName, Chunks: s.split(content)}
	}
	s.deliver(message(reply))
	switch {
	case f.Twice:
		s.deliver(message(reply))
	case f.Contradict:
		s.deliver(message(reply[:len(reply)-12]))
	}
	if f.Reorder {
		s.deliver(&Message{From: "OTHER01", Workflow: "SOMETHING_ELSE", LocalID: "x", Chunks: [][]byte{[]byte("for somebody else")}})
		s.deliver(status)
	}
}

// check removes whoever opted out, and puts in what is to go wrong.
func (s *Sandbox) check(request []byte) []byte {
	f := s.faults
	var reply []byte
	for row := range strings.Lines(string(request)) {
		number, ok := strings.CutSuffix(row, ",\n")
		if !ok || len(number) != 10 || f.InvalidNumber {
			return []byte("The file contains one or more invalid NHS Numbers.\n")
		}
		if !s.OptedOut[number] {
			reply = append(reply, row...)
		}
	}
	switch {
	case f.CutRow:
		return reply[:len(reply)-7]
	case f.CutAtRow:
		return reply[:len(reply)/24*12]
	case f.Stranger:
		return append(reply, "9434765919,\n"...)
	case f.RepeatChunk:
		return append(reply, reply[:12*(len(reply)/24)]...)
	case f.CRLF:
		return bytes.ReplaceAll(reply, []byte("\n"), []byte("\r\n"))
	}
	return reply
}

func (s *Sandbox) split(content []byte) (chunks [][]byte) {
	if s.ReplyChunk <= 0 {
		return [][]byte{content}
	}
	for len(content) > s.ReplyChunk {
		chunks, content = append(chunks, content[:s.ReplyChunk]), content[s.ReplyChunk:]
	}
	return append(chunks, content)
}
