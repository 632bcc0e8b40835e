use super::*;

fn check(html: &str, title: Option<&str>, text: &str) {
    let page = read(html);
    assert_eq!((page.title.as_deref(), page.text.as_str()), (title, text), "{html}");
}

#[test]
fn what_a_reader_sees() {
    check("plain", None, "plain");
    check("<p>one<p>two", None, "one\n\ntwo");
    check("a <b>bold</b>  word<br>next", None, "a bold word\nnext");
    check("<title> The\n title </title><p>x", Some("The title"), "x");
    check("<h1>Head <i>ing</i></h1>text", Some("Head ing"), "Head ing\n\ntext");
    check("<ul><li>a</li><li>b</li></ul>", None, "- a\n- b");
    check("<table><tr><td>a<td>b<tr><td>c</table>", None, "a b\n c");
    check("<pre>a\n  b</pre>c", None, "a\n  b\n\nc");
    check("1 &lt; 2 &amp; caf&eacute; &#128512;", None, "1 < 2 & café 😀");
}

#[test]
fn what_a_reader_does_not_see() {
    check("a<script>if (1 < 2) { '</p>' }</script>b", None, "ab");
    check("<style>p { color: red }</style>b", None, "b");
    check("<template><p>x</p></template>b", None, "b");
    check("a<!-- comment -->b", None, "ab");
    check("<script>never closed", None, "");
}

#[test]
fn wrong_markup_is_read_all_the_same() {
    check("</p></pre></div>a", None, "a");
    check("<", None, "<");
    check("a<b", None, "a");
    check("<title>never closed", Some("never closed"), "");
    let deep = "<div>".repeat(200_000) + "x";
    check(&deep, None, "x");
}
