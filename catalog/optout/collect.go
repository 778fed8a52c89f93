package optout

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// The files of a check.
const (
	requestFile = "request.dat"
	replyFile   = "reply.dat"
	receiptFile = "receipt.json"
)

// collect looks through the inbox for what answers the check. Messages that are
// for others stay where they are.
func (s *Service) collect(ctx context.Context, actor gatehouse.Principal, c Check) (Check, error) {
	ids, err := s.Mailbox.Inbox(ctx)
	if err != nil {
		return c, notReached("The inbox cannot be read.", err)
	}
	earlier, err := s.Checks(ctx, actor, "")
	if err != nil {
		return c, err
	}
	var done []string // answers to be acknowledged once their content is kept
	var reply []byte
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		h, err := s.Mailbox.Look(ctx, id)
		if err != nil {
			return c, notReached("A message of the inbox cannot be looked at.", err)
		}
		switch s.kind(h, c) {
		case forOthers:
			if err := s.late(ctx, actor, earlier, id, h); err != nil {
				return c, err
			}
			continue
		case aFailure:
			return s.settleRefused(ctx, actor, c, []string{id}, "the service reports an error"+codeWords(h.Code))
		case aStatus:
			done = append(done, id)
			continue
		}
		content, h, err := s.download(ctx, c, id)
		if err != nil {
			return c, notReached("The answer cannot be downloaded whole.", err)
		}
		done = append(done, id)
		switch {
		case s.kind(h, c) != anAnswer || isStatus(content):
			continue
		case reply != nil && !bytes.Equal(reply, content):
			return s.settleRefused(ctx, actor, c, done, "two answers came, and they differ")
		}
		reply = content
	}
	if reply == nil {
		// What only says that something was received is of no further use.
		return c, s.acknowledge(ctx, done)
	}
	returned, why, err := s.judge(ctx, c, reply)
	switch {
	case err != nil:
		return c, err
	case why != "":
		return s.settleRefused(ctx, actor, c, done, why)
	}
	c.Returned = returned
	if err := s.keep(c, reply); err != nil {
		return c, err
	}
	if c, err = s.change(ctx, actor, c, StateAnswered, "optouts.answered"); err != nil {
		return c, err
	}
	return c, s.acknowledge(ctx, done)
}

// late deals with a message for a check that is over: it may be a copy of the
// answer, or another answer, after which the first is not believed any more.
func (s *Service) late(ctx context.Context, actor gatehouse.Principal, checks []Check, id string, h Header) error {
	i := slices.IndexFunc(checks, func(c Check) bool { return !c.State.Open() && s.kind(h, c) != forOthers })
	if i < 0 {
		return nil
	}
	c := checks[i]
	if c.State == StateRefused || s.kind(h, c) != anAnswer {
		return s.acknowledge(ctx, []string{id})
	}
	content, h, err := s.download(ctx, c, id)
	if err != nil {
		return notReached("A late answer cannot be downloaded whole.", err)
	}
	kept, err := os.ReadFile(filepath.Join(s.folder(c.ID), replyFile))
	if err != nil {
		return storageFailure(err)
	}
	if s.kind(h, c) != anAnswer || isStatus(content) || bytes.Equal(content, kept) {
		return s.acknowledge(ctx, []string{id})
	}
	list := filepath.Join(c.Extracts, c.File)
	if now, err := os.ReadFile(list); err == nil && bytes.Equal(now, kept) {
		if err := os.Remove(list); err != nil {
			return storageFailure(err)
		}
	}
	_, err = s.settleRefused(ctx, actor, c, []string{id}, "a second answer came, and differs")
	return err
}

// What a message of the inbox is to a check.
type messageKind int

const (
	forOthers messageKind = iota
	anAnswer              // it may be the list
	aStatus               // it tells that something went well
	aFailure              // it tells that the request failed
)

// kind says what a message is to a check. Anybody who has a mailbox can send to ours,
// and local ids are no secret: only the mailbox that was asked answers. Reports come
// from MESH itself, in nobody's name, and never are the list.
func (s *Service) kind(h Header, c Check) messageKind {
	ours := h.LocalID == c.ID || h.Report && h.LinkedID != "" && h.LinkedID == c.MessageID
	asked := c.To
	if asked == "" { // of a check from before it was kept
		asked = s.To
	}
	switch {
	case !ours, !h.Report && !strings.EqualFold(strings.TrimSpace(h.From), asked):
		return forOthers
	case h.Failed:
		return aFailure
	case h.Report:
		return aStatus
	case h.Workflow != Workflow:
		return forOthers
	case strings.EqualFold(strings.TrimSpace(h.Subject), "SUCCESS"):
		return aStatus
	}
	return anAnswer
}

// isStatus knows a message that says only that something was received.
func isStatus(content []byte) bool {
	return len(content) == 0 || bytes.HasPrefix(content, []byte("Subject=")) || bytes.HasPrefix(content, []byte("Status"))
}

// codeWords is an error code, if it is plainly one.
func codeWords(code string) string {
	if code == "" || len(code) > 12 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
		return ""
	}
	return " (" + code + ")"
}

// download reads a message; an answer is never longer than the request.
func (s *Service) download(ctx context.Context, c Check, id string) ([]byte, Header, error) {
	info, err := os.Stat(filepath.Join(s.folder(c.ID), requestFile))
	if err != nil {
		return nil, Header{}, err
	}
	var b bytes.Buffer
	h, err := s.Mailbox.Download(ctx, id, &b, max(info.Size(), 64<<10))
	return b.Bytes(), h, err
}

// judge says why an answer is not the list, or that it is.
func (s *Service) judge(ctx context.Context, c Check, reply []byte) (returned int64, why string, err error) {
	f, err := os.Open(filepath.Join(s.folder(c.ID), requestFile))
	if err != nil {
		return 0, "", storageFailure(err)
	}
	defer f.Close()
	asked, _, err := catalog.ReadReply(ctx, requestFile, f)
	if err != nil {
		return 0, "", err
	}
	got, rows, err := catalog.ReadReply(ctx, "the answer", bytes.NewReader(reply))
	switch {
	case ctx.Err() != nil:
		return 0, "", ctx.Err()
	case err != nil:
		return 0, strings.TrimSuffix(gatehouse.Public(err).Message, "."), nil
	case rows != int64(got.GetCardinality()):
		return 0, "the answer names somebody twice", nil
	}
	strangers := got.Clone()
	strangers.AndNot(asked)
	most := s.MostRemoved
	if most == 0 {
		most = DefaultMostRemoved
	}
	removed := float64(asked.GetCardinality()-got.GetCardinality()) / float64(asked.GetCardinality())
	switch {
	case !strangers.IsEmpty():
		return 0, "the answer names people who were not asked about", nil
	case got.IsEmpty():
		return 0, "the answer names nobody", nil
	case removed > most:
		return 0, fmt.Sprintf("more than %.0f %% of the people are missing in the answer", most*100), nil
	}
	return rows, "", nil
}

// keep writes the answer as the list: first into the check's folder, then, as a
// whole, into the extracts folder with its date and receipt. The list is as old as
// the question: who opted out while it was under way may still be on it.
func (s *Service) keep(c Check, reply []byte) error {
	request, err := os.Open(filepath.Join(s.folder(c.ID), requestFile))
	if err != nil {
		return storageFailure(err)
	}
	defer request.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, request); err != nil {
		return storageFailure(err)
	}
	returned := sha256.Sum256(reply)
	receipt, err := json.MarshalIndent(catalog.CheckReceipt{
		Check: c.ID, Dataset: c.Dataset, List: c.List, Sent: c.Sent.UTC(), Asked: c.Asked, Returned: c.Returned,
		SentSHA256: hex.EncodeToString(sum.Sum(nil)), ReturnedSHA256: hex.EncodeToString(returned[:]),
	}, "", "  ")
	if err != nil {
		return err
	}
	dir := s.folder(c.ID)
	list := filepath.Join(c.Extracts, c.File)
	for _, step := range []struct {
		path    string
		content []byte
	}{
		{filepath.Join(dir, replyFile), reply},
		{filepath.Join(dir, receiptFile), receipt},
		// A list without its own date would pass for younger than it is.
		{list + catalog.DatedSuffix, []byte(c.Sent.UTC().Format(time.RFC3339) + "\n")},
		{list, reply},
		{list + catalog.ReceiptSuffix, receipt},
	} {
		if err := writeWhole(step.path, step.content, 0o600); err != nil {
			return storageFailure(err)
		}
	}
	return nil
}

// settleRefused ends a check, then lets go of the messages that ended it.
func (s *Service) settleRefused(ctx context.Context, actor gatehouse.Principal, c Check, ids []string, why string) (Check, error) {
	c, err := s.refuse(ctx, actor, c, why)
	if err != nil {
		return c, err
	}
	return c, errors.Join(gatehouse.Errorf(gatehouse.CodeCheck, "The check service did not give a list: %s.", why), s.acknowledge(ctx, ids))
}

func (s *Service) acknowledge(ctx context.Context, ids []string) error {
	for _, id := range ids {
		if err := s.Mailbox.Acknowledge(ctx, id); err != nil {
			return notReached("A message that was read cannot be acknowledged.", err)
		}
	}
	return nil
}
