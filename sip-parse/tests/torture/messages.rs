//! The messages of RFC 4475 and RFC 5118.

/// Lines with CRLF in place of LF.
fn lines(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

/// The session description that most of RFC 4475 carries, for a host and a start time.
fn sdp(origin: &str, connection: &str, time: &str) -> String {
    format!(
        "v=0\no=mhandley 29739 7272939 IN IP4 {origin}\ns=-\nc=IN IP4 {connection}\nt={time} 0\n\
         m=audio 49217 RTP/AVP 0 12\nm=video 3227 RTP/AVP 31\na=rtpmap:31 LPC\n"
    )
}

/// A head with the usual session description behind it.
fn with_sdp(head: &str, host: &str) -> Vec<u8> {
    lines(&format!("{head}\n{}", sdp(host, host, "0")))
}

/// RFC 4475 section 3.1.1.1.
pub(crate) fn wsinv() -> Vec<u8> {
    lines(&format!(
        "{}{}",
        r#"INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
from   : "J Rosenberg \\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : 150
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \"\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33

"#,
        sdp("192.0.2.3", "192.0.2.4", "0")
    ))
}

/// RFC 4475 section 3.1.1.2.
pub(crate) fn intmeth() -> Vec<u8> {
    let word = "_token~1'+`*%!-.";
    let mut text = lines(
        "!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*\
         :&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0\n\
         Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~\n\
         To: \"BEL:\\\u{7} NUL:\\\0 DEL:\\\u{7F}\" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>\n\
         From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%=\"работающий\";tag=",
    );
    text.extend_from_slice(word.as_bytes());
    text.extend(lines(
        "\nCall-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{\n\
         CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~\nMax-Forwards: 255\n\
         extensionHeader-!.%*+_`'~:\u{FEFF}大停電\nContent-Length: 0\n\n",
    ));
    text
}

/// RFC 4475 section 3.1.1.3.
pub(crate) fn esc01() -> Vec<u8> {
    with_sdp(
        "INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0\nTo: sip:%75se%72@example.com\n\
         From: <sip:I%20have%20spaces@example.net>;tag=938\nMax-Forwards: 87\ni: esc01.239409asdfakjkn23onasd0-3234\n\
         CSeq: 234234 INVITE\nVia: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw\nC: application/sdp\n\
         Contact:\n  <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>\nContent-Length: 150\n",
        "192.0.2.1",
    )
}

/// RFC 4475 section 3.1.1.4.
pub(crate) fn escnull() -> Vec<u8> {
    lines(
        "REGISTER sip:example.com SIP/2.0\nTo: sip:null-%00-null@example.com\n\
         From: sip:null-%00-null@example.com;tag=839923423\nMax-Forwards: 70\n\
         Call-ID: escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd\nCSeq: 14398234 REGISTER\n\
         Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw\nContact: <sip:%00@host5.example.com>\n\
         Contact: <sip:%00%00@host5.example.com>\nL:0\n\n",
    )
}

/// RFC 4475 section 3.1.1.5.
pub(crate) fn esc02() -> Vec<u8> {
    lines(
        "RE%47IST%45R sip:registrar.example.com SIP/2.0\nTo: \"%Z%45\" <sip:resource@example.com>\n\
         From: \"%Z%45\" <sip:resource@example.com>;tag=f232jadfj23\n\
         Call-ID: esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf\n\
         Via: SIP/2.0/TCP host.example.com;branch=z9hG4bK209%fzsnel234\nCSeq: 29344 RE%47IST%45R\nMax-Forwards: 70\n\
         Contact: <sip:alias1@host1.example.com>\nC%6Fntact: <sip:alias2@host2.example.com>\n\
         Contact: <sip:alias3@host3.example.com>\nl: 0\n\n",
    )
}

/// RFC 4475 section 3.1.1.6.
pub(crate) fn lwsdisp() -> Vec<u8> {
    lines(
        "OPTIONS sip:user@example.com SIP/2.0\nTo: sip:user@example.com\nFrom: caller<sip:caller@example.com>;tag=323\n\
         Max-Forwards: 70\nCall-ID: lwsdisp.1234abcd@funky.example.com\nCSeq: 60 OPTIONS\n\
         Via: SIP/2.0/UDP funky.example.com;branch=z9hG4bKkdjuw\nl: 0\n\n",
    )
}

/// RFC 4475 section 3.1.1.7.
pub(crate) fn longreq() -> Vec<u8> {
    let long = |count: usize| "long".repeat(count);
    let name = |count: usize| "name".repeat(count);
    let caller = "amazinglylongcallername".repeat(5);
    let mut vias = String::new();
    let spellings = [
        "Via:", "v:", "V:", "Via:", "ViA:", "VIa:", "VIA:", "via:", "viA:", "vIa:", "vIA:", "V : ",
        "v : ", "V  :", "v  :", "Via :", "Via  :",
    ];
    for hop in (1..=33).rev() {
        let spelling = spellings.get(33 - hop).copied().unwrap_or("Via:");
        vias.push_str(&format!("{spelling} SIP/2.0/TCP sip{hop}.example.com\n"));
    }
    let head = format!(
        "INVITE sip:user@example.com SIP/2.0\nTo: \"I have a user name of {extreme} proportion\"<sip:user@example.com\
         :6000;unknownparam1=very{l20}value;longparam{n25}=shortvalue;very{l25}ParameterNameWithNoValue>\n\
         F: sip:{caller}@example.net;tag=12{d50}424;unknownheaderparam{n20}=unknowheaderparam{v15}\
         ;unknownValueless{p10}\nCall-ID: longreq.one{r20}longcallid\nCSeq: 3882340 INVITE\n\
         Unknown-{c20}-Name: unknown-{l20}-value; unknown-{l20}-parameter-name = unknown-{l20}-parameter-value\n\
         {vias}Via: SIP/2.0/TCP host.example.com;received=192.0.2.5;branch=very{l50}branchvalue\nMax-Forwards: 70\n\
         Contact: <sip:{caller}@host5.example.net>\nContent-Type: application/sdp\nl: 150\n",
        extreme = "extreme".repeat(10),
        l20 = long(20),
        l25 = long(25),
        l50 = long(50),
        n20 = name(20),
        n25 = name(25),
        d50 = "982".repeat(50),
        v15 = "value".repeat(15),
        p10 = "paramname".repeat(10),
        r20 = "really".repeat(20),
        c20 = "Long".repeat(20),
    );
    with_sdp(&head, "192.0.2.1")
}

/// RFC 4475 section 3.1.1.8.
pub(crate) fn dblreq() -> Vec<u8> {
    lines(&format!(
        "REGISTER sip:example.com SIP/2.0\nTo: sip:j.user@example.com\nFrom: sip:j.user@example.com;tag=43251j3j324\n\
         Max-Forwards: 8\nI: dblreq.0ha0isndaksdj99sdfafnl3lk233412\nContact: sip:j.user@host.example.com\n\
         CSeq: 8 REGISTER\nVia: SIP/2.0/UDP 192.0.2.125;branch=z9hG4bKkdjuw23492\nContent-Length: 0\n\n\n\
         INVITE sip:joe@example.com SIP/2.0\nt: sip:joe@example.com\nFrom: sip:caller@example.net;tag=141334\n\
         Max-Forwards: 8\nCall-ID: dblreq.0ha0isnda977644900765@192.0.2.15\nCSeq: 8 INVITE\n\
         Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw380234\nContent-Type: application/sdp\nContent-Length: 150\n\n\
         {}\n",
        sdp("192.0.2.15", "192.0.2.15", "0").replace("m=video", "m =video")
    ))
}

/// RFC 4475 section 3.1.1.9.
pub(crate) fn semiuri() -> Vec<u8> {
    lines(
        "OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0\nTo: sip:j_user@example.com\n\
         From: sip:caller@example.org;tag=33242\nMax-Forwards: 3\nCall-ID: semiuri.0ha0isndaksdj\nCSeq: 8 OPTIONS\n\
         Accept: application/sdp, application/pkcs7-mime,\n        multipart/mixed, multipart/signed,\n        \
         message/sip, message/sipfrag\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw\nl: 0\n\n",
    )
}

/// RFC 4475 section 3.1.1.10.
pub(crate) fn transports() -> Vec<u8> {
    lines(
        "OPTIONS sip:user@example.com SIP/2.0\nTo: sip:user@example.com\nFrom: <sip:caller@example.com>;tag=323\n\
         Max-Forwards: 70\nCall-ID:  transports.kijh4akdnaqjkwendsasfdj\nAccept: application/sdp\nCSeq: 60 OPTIONS\n\
         Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw\nVia: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf\n\
         Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj\n\
         Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en\n\
         Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee\nl: 0\n\n",
    )
}

/// RFC 4475 section 3.1.1.11: a part with binary content.
pub(crate) fn mpart01() -> Vec<u8> {
    let signature = concat!(
        "3082015206092a864886f70d010702a08201433082013f0201013109300706052b0e03021a300b06092a864886f70d0107013182",
        "01203082011c020101307c3070310b3009060355040613025553311330110603550408130a43616c69666f726e69613111300f06",
        "03550407130853616e204a6f7365310e300c060355040a1305736970697431293027060355040b13205369706974205465737420",
        "436572746966696361746520417574686f7269747902080195007102330113300706052b0e03021a300d06092a864886f70d0101",
        "0105000481808ef466f948f0522dd2e5978e9d95aae9f2fe15a06659716292e8da2aa8d8350a68ceffae3cbd2bff1675ddd5648e",
        "593dd64728f26220f7e941749e330d9a15edabdb93d10c42102e7b7289d29cc0c9ae2efbc7c0cff9172f3b027e4fc027e1546de4",
        "b6aa3abb3e66cccb5dd6c64b8383149cb8e6ff182d944fe57b65bc99d005",
    );
    let mut text = lines(
        "MESSAGE sip:kumiko@example.org SIP/2.0\n\
         Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-d87543-4dade06d0bdb11ee-1--d87543-;rport\nMax-Forwards: 70\n\
         Route: <sip:127.0.0.1:5080>\n\
         Identity: r5mwreLuyDRYBi/0TiPwEsY3rEVsk/G2WxhgTV1PF7hHuLIK0YWVKZhKv9Mj8UeXqkMVbnVq37CD+813gvYjcBUaZngQmXc9WNZS\
         DNGCzA+fWl9MEUHWIZo1CeJebdY/XlgKeTa0Olvq0rt70Q5jiSfbqMJmQFteeivUhkMWYUA=\n\
         Contact: <sip:fluffy@127.0.0.1:5070>\nTo: <sip:kumiko@example.org>\n\
         From: <sip:fluffy@example.com>;tag=2fb0dcc9\nCall-ID: 3d9485ad0c49859b@Zmx1ZmZ5LW1hYy0xNi5sb2NhbA..\n\
         CSeq: 1 MESSAGE\nContent-Transfer-Encoding: binary\n\
         Content-Type: multipart/mixed;boundary=7a9cbec02ceef655\nDate: Sat, 15 Oct 2005 04:44:56 GMT\n\
         User-Agent: SIPimp.org/0.2.5 (curses)\nContent-Length: 553\n\n\
         --7a9cbec02ceef655\nContent-Type: text/plain\nContent-Transfer-Encoding: binary\n\nHello\n\
         --7a9cbec02ceef655\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: binary\n\n",
    );
    let digits = signature.as_bytes().chunks(2);
    text.extend(
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()),
    );
    text.extend(lines("\n--7a9cbec02ceef655--\n"));
    text
}

/// RFC 4475 section 3.1.1.12.
pub(crate) fn unreason() -> Vec<u8> {
    with_sdp(
        "SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое\n\
         Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923\nCall-ID: unreason.1234ksdfak3j2erwedfsASdf\n\
         CSeq: 35 INVITE\nFrom: sip:user@example.com;tag=11141343\nTo: sip:user@example.edu;tag=2229\n\
         Content-Length: 154\nContent-Type: application/sdp\nContact: <sip:user@host198.example.com>\n",
        "192.0.2.198",
    )
}

/// RFC 4475 section 3.1.1.13.
pub(crate) fn noreason() -> Vec<u8> {
    lines(
        "SIP/2.0 100 \nVia: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe\nCall-ID: noreason.asndj203insdf99223ndf\n\
         CSeq: 35 INVITE\nFrom: <sip:user@example.com>;tag=39ansfi3\nTo: <sip:user@example.edu>;tag=902jndnke3\n\
         Content-Length: 0\nContact: <sip:user@host105.example.com>\n\n",
    )
}

/// RFC 4475 section 3.1.2.1.
pub(crate) fn badinv01() -> Vec<u8> {
    with_sdp(
        "INVITE sip:user@example.com SIP/2.0\nTo: sip:j.user@example.com\nFrom: sip:caller@example.net;tag=134161461246\n\
         Max-Forwards: 7\nCall-ID: badinv01.0ha0isndaksdjasdf3234nas\nCSeq: 8 INVITE\n\
         Via: SIP/2.0/UDP 192.0.2.15;;,;,,\nContact: \"Joe\" <sip:joe@example.org>;;;;\nContent-Length: 152\n\
         Content-Type: application/sdp\n",
        "192.0.2.15",
    )
}

/// RFC 4475 section 3.1.2.2.
pub(crate) fn clerr() -> Vec<u8> {
    with_sdp(
        "INVITE sip:user@example.com SIP/2.0\nMax-Forwards: 80\nTo: sip:j.user@example.com\n\
         From: sip:caller@example.net;tag=93942939o2\nContact: <sip:caller@hungry.example.net>\n\
         Call-ID: clerr.0ha0isndaksdjweiafasdk3\nCSeq: 8 INVITE\n\
         Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bK-39234-23523\nContent-Type: application/sdp\n\
         Content-Length: 9999\n",
        "192.0.2.155",
    )
}

/// RFC 4475 section 3.1.2.3.
pub(crate) fn ncl() -> Vec<u8> {
    with_sdp(
        "INVITE sip:user@example.com SIP/2.0\nMax-Forwards: 254\nTo: sip:j.user@example.com\n\
         From: sip:caller@example.net;tag=32394234\nCall-ID: ncl.0ha0isndaksdj2193423r542w35\nCSeq: 0 INVITE\n\
         Via: SIP/2.0/UDP 192.0.2.53;branch=z9hG4bKkdjuw\nContact: <sip:caller@example53.example.net>\n\
         Content-Type: application/sdp\nContent-Length: -999\n",
        "192.0.2.53",
    )
}

/// RFC 4475 section 3.1.2.4.
pub(crate) fn scalar02() -> Vec<u8> {
    lines(&format!(
        "REGISTER sip:example.com SIP/2.0\nVia: SIP/2.0/TCP host129.example.com;branch=z9hG4bK342sdfoi3\n\
         To: <sip:user@example.com>\nFrom: <sip:user@example.com>;tag=239232jh3\nCSeq: 36893488147419103232 REGISTER\n\
         Call-ID: scalar02.23o0pd9vanlq3wnrlnewofjas9ui32\nMax-Forwards: 300\nExpires: 1{}\n\
         Contact: <sip:user@host129.example.com>\n  ;expires=280297596632815\nContent-Length: 0\n\n",
        "0".repeat(100)
    ))
}

/// RFC 4475 section 3.1.2.5.
pub(crate) fn scalarlg() -> Vec<u8> {
    lines(
        "SIP/2.0 503 Service Unavailable\n\
         Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bKzzxdiwo34sw;received=192.0.2.129\n\
         To: <sip:user@example.com>\nFrom: <sip:other@example.net>;tag=2easdjfejw\n\
         CSeq: 9292394834772304023312 OPTIONS\nCall-ID: scalarlg.noase0of0234hn2qofoaf0232aewf2394r\n\
         Retry-After: 949302838503028349304023988\nWarning: 1812 overture \"In Progress\"\nContent-Length: 0\n\n",
    )
}

/// RFC 4475 section 3.1.2.6.
pub(crate) fn quotbal() -> Vec<u8> {
    with_sdp(
        "INVITE sip:user@example.com SIP/2.0\nTo: \"Mr. J. User <sip:j.user@example.com>\n\
         From: sip:caller@example.net;tag=93334\nMax-Forwards: 10\nCall-ID: quotbal.aksdj\n\
         Contact: <sip:caller@host59.example.net>\nCSeq: 8 INVITE\n\
         Via: SIP/2.0/UDP 192.0.2.59:5050;branch=z9hG4bKkdjuw39234\nContent-Type: application/sdp\n\
         Content-Length: 152\n",
        "192.0.2.15",
    )
}

/// RFC 4475 section 3.1.2.7.
pub(crate) fn ltgtruri() -> Vec<u8> {
    lines(&format!(
        "INVITE <sip:user@example.com> SIP/2.0\nTo: sip:user@example.com\nFrom: sip:caller@example.net;tag=39291\n\
         Max-Forwards: 23\nCall-ID: ltgtruri.1@192.0.2.5\nCSeq: 1 INVITE\nVia: SIP/2.0/UDP 192.0.2.5\n\
         Contact: <sip:caller@host5.example.net>\nContent-Type: application/sdp\nContent-Length: 159\n\n{}",
        sdp("192.0.2.5", "192.0.2.5", "3149328700")
    ))
}

/// RFC 4475 section 3.1.2.8.
pub(crate) fn lwsruri() -> Vec<u8> {
    lines(&format!(
        "INVITE sip:user@example.com; lr SIP/2.0\nTo: sip:user@example.com;tag=3xfe-9921883-z9f\n\
         From: sip:caller@example.net;tag=231413434\nMax-Forwards: 5\n\
         Call-ID: lwsruri.asdfasdoeoi2323-asdfwrn23-asd834rk423\nCSeq: 2130706432 INVITE\n\
         Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKkdjuw2395\nContact: <sip:caller@host1.example.net>\n\
         Content-Type: application/sdp\nContent-Length: 159\n\n{}",
        sdp("192.0.2.1", "192.0.2.1", "3149328700")
    ))
}

/// RFC 4475 section 3.1.2.9.
pub(crate) fn lwsstart() -> Vec<u8> {
    with_sdp(
        "INVITE  sip:user@example.com  SIP/2.0\nMax-Forwards: 8\nTo: sip:user@example.com\n\
         From: sip:caller@example.net;tag=8814\nCall-ID: lwsstart.dfknq234oi243099adsdfnawe3@example.com\n\
         CSeq: 1893884 INVITE\nVia: SIP/2.0/UDP host1.example.com;branch=z9hG4bKkdjuw3923\n\
         Contact: <sip:caller@host1.example.net>\nContent-Type: application/sdp\nContent-Length: 150\n",
        "192.0.2.1",
    )
}

/// RFC 4475 section 3.1.2.10.
pub(crate) fn trws() -> Vec<u8> {
    lines(
        "OPTIONS sip:remote-target@example.com SIP/2.0  \nVia: SIP/2.0/TCP host1.examle.com;branch=z9hG4bK299342093\n\
         To: <sip:remote-target@example.com>\nFrom: <sip:local-resource@example.com>;tag=329429089\n\
         Call-ID: trws.oicu34958239neffasdhr2345r\nAccept: application/sdp\nCSeq: 238923 OPTIONS\nMax-Forwards: 70\n\
         Content-Length: 0\n\n",
    )
}

/// RFC 4475 section 3.1.2.11.
pub(crate) fn escruri() -> Vec<u8> {
    with_sdp(
        "INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0\nTo: sip:user@example.com\n\
         From: sip:caller@example.net;tag=341518\nMax-Forwards: 7\nContact: <sip:caller@host39923.example.net>\n\
         Call-ID: escruri.23940-asdfhj-aje3br-234q098w-fawerh2q-h4n5\nCSeq: 149209342 INVITE\n\
         Via: SIP/2.0/UDP host-of-the-hour.example.com;branch=z9hG4bKkdjuw\nContent-Type: application/sdp\n\
         Content-Length: 150\n",
        "192.0.2.1",
    )
}

/// RFC 4475 section 3.1.2.12.
pub(crate) fn baddate() -> Vec<u8> {
    with_sdp(
        "INVITE sip:user@example.com SIP/2.0\nTo: sip:user@example.com\nFrom: sip:caller@example.net;tag=2234923\n\
         Max-Forwards: 70\nCall-ID: baddate.239423mnsadf3j23lj42--sedfnm234\nCSeq: 1392934 INVITE\n\
         Via: SIP/2.0/UDP host.example.com;branch=z9hG4bKkdjuw\nDate: Fri, 01 Jan 2010 16:00:00 EST\n\
         Contact: <sip:caller@host5.example.net>\nContent-Type: application/sdp\nContent-Length: 150\n",
        "192.0.2.5",
    )
}

/// RFC 4475 section 3.1.2.13.
pub(crate) fn regbadct() -> Vec<u8> {
    lines(
        "REGISTER sip:example.com SIP/2.0\nTo: sip:user@example.com\nFrom: sip:user@example.com;tag=998332\n\
         Max-Forwards: 70\nCall-ID: regbadct.k345asrl3fdbv@10.0.0.1\nCSeq: 1 REGISTER\n\
         Via: SIP/2.0/UDP 135.180.130.133:5060;branch=z9hG4bKkdjuw\n\
         Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E\nl: 0\n\n",
    )
}

/// RFC 4475 section 3.1.2.14.
pub(crate) fn badaspec() -> Vec<u8> {
    lines(
        "OPTIONS sip:user@example.org SIP/2.0\nVia: SIP/2.0/UDP host4.example.com:5060;branch=z9hG4bKkdju43234\n\
         Max-Forwards: 70\nFrom: \"Bell, Alexander\" <sip:a.g.bell@example.com>;tag=433423\n\
         To: \"Watson, Thomas\" < sip:t.watson@example.org >\nCall-ID: badaspec.sdf0234n2nds0a099u23h3hnnw009cdkne3\n\
         Accept: application/sdp\nCSeq: 3923239 OPTIONS\nl: 0\n\n",
    )
}

/// RFC 4475 section 3.1.2.15. The archive omits the blank line.
pub(crate) fn baddn() -> Vec<u8> {
    lines(
        "OPTIONS sip:t.watson@example.org SIP/2.0\nVia:     SIP/2.0/UDP c.example.com:5060;branch=z9hG4bKkdjuw\n\
         Max-Forwards:      70\nFrom:    Bell, Alexander <sip:a.g.bell@example.com>;tag=43\n\
         To:      Watson, Thomas <sip:t.watson@example.org>\nCall-ID: baddn.31415@c.example.com\n\
         Accept: application/sdp\nCSeq:    3923239 OPTIONS\nl: 0\n",
    )
}

/// RFC 4475 section 3.1.2.16.
pub(crate) fn badvers() -> Vec<u8> {
    lines(
        "OPTIONS sip:t.watson@example.org SIP/7.0\nVia:     SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw\n\
         Max-Forwards:     70\nFrom:    A. Bell <sip:a.g.bell@example.com>;tag=qweoiqpe\n\
         To:      T. Watson <sip:t.watson@example.org>\nCall-ID: badvers.31417@c.example.com\nCSeq:    1 OPTIONS\n\
         l: 0\n\n",
    )
}

/// RFC 4475 section 3.1.2.17.
pub(crate) fn mismatch01() -> Vec<u8> {
    lines(
        "OPTIONS sip:user@example.com SIP/2.0\nTo: sip:j.user@example.com\nFrom: sip:caller@example.net;tag=34525\n\
         Max-Forwards: 6\nCall-ID: mismatch01.dj0234sxdfl3\nCSeq: 8 INVITE\n\
         Via: SIP/2.0/UDP host.example.com;branch=z9hG4bKkdjuw\nl: 0\n\n",
    )
}

/// RFC 4475 section 3.1.2.18.
pub(crate) fn mismatch02() -> Vec<u8> {
    lines(
        "NEWMETHOD sip:user@example.com SIP/2.0\nTo: sip:j.user@example.com\nFrom: sip:caller@example.net;tag=34525\n\
         Max-Forwards: 6\nCall-ID: mismatch02.dj0234sxdfl3\nCSeq: 8 INVITE\nContact: <sip:caller@host.example.net>\n\
         Via: SIP/2.0/UDP host.example.net;branch=z9hG4bKkdjuw\nContent-Type: application/sdp\nl: 138\n\n\
         v=0\no=mhandley 29739 7272939 IN IP4 192.0.2.1\nc=IN IP4 192.0.2.1\nm=audio 49217 RTP/AVP 0 12\n\
         m=video 3227 RTP/AVP 31\na=rtpmap:31 LPC\n",
    )
}

/// RFC 4475 section 3.1.2.19.
pub(crate) fn bigcode() -> Vec<u8> {
    lines(
        "SIP/2.0 4294967301 better not break the receiver\nVia: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe\n\
         Call-ID: bigcode.asdof3uj203asdnf3429uasdhfas3ehjasdfas9i\nCSeq: 353494 INVITE\n\
         From: <sip:user@example.com>;tag=39ansfi3\nTo: <sip:user@example.edu>;tag=902jndnke3\nContent-Length: 0\n\
         Contact: <sip:user@host105.example.com>\n\n",
    )
}

/// RFC 4475 section 3.2.1.
pub(crate) fn badbranch() -> Vec<u8> {
    lines(
        "OPTIONS sip:user@example.com SIP/2.0\nTo: sip:user@example.com\nFrom: sip:caller@example.org;tag=33242\n\
         Max-Forwards: 3\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK\nAccept: application/sdp\n\
         Call-ID: badbranch.sadonfo23i420jv0as0derf3j3n\nCSeq: 8 OPTIONS\nl: 0\n\n",
    )
}

/// RFC 4475 section 3.3.1.
pub(crate) fn insuf() -> Vec<u8> {
    with_sdp(
        "INVITE sip:user@example.com SIP/2.0\nCSeq: 193942 INVITE\nVia: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf\n\
         Content-Type: application/sdp\nl: 152\n",
        "192.0.2.95",
    )
}

/// RFC 4475 section 3.3.2.
pub(crate) fn unkscm() -> Vec<u8> {
    lines(
        "OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0\nTo: sip:user@example.com\n\
         From: sip:caller@example.net;tag=384\nMax-Forwards: 3\nCall-ID: unkscm.nasdfasser0q239nwsdfasdkl34\n\
         CSeq: 3923423 OPTIONS\nVia: SIP/2.0/TCP host9.example.com;branch=z9hG4bKkdjuw39234\nContent-Length: 0\n\n",
    )
}

/// RFC 4475 section 3.3.3.
pub(crate) fn novelsc() -> Vec<u8> {
    lines(
        "OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0\nTo: sip:user@example.com\nFrom: sip:caller@example.net;tag=384\n\
         Max-Forwards: 3\nCall-ID: novelsc.asdfasser0q239nwsdfasdkl34\nCSeq: 3923423 OPTIONS\n\
         Via: SIP/2.0/TCP host9.example.com;branch=z9hG4bKkdjuw39234\nContent-Length: 0\n\n",
    )
}

/// RFC 4475 section 3.3.4.
pub(crate) fn unksm2() -> Vec<u8> {
    lines(
        "REGISTER sip:example.com SIP/2.0\nTo: isbn:2983792873\nFrom: <http://www.example.com>;tag=3234233\n\
         Call-ID: unksm2.daksdj@hyphenated-host.example.com\nCSeq: 234902 REGISTER\nMax-Forwards: 70\n\
         Via: SIP/2.0/UDP 192.0.2.21:5060;branch=z9hG4bKkdjuw\nContact: <name:John_Smith>\nl: 0\n\n",
    )
}

/// RFC 4475 section 3.3.5.
pub(crate) fn bext01() -> Vec<u8> {
    lines(
        "OPTIONS sip:user@example.com SIP/2.0\nTo: sip:j_user@example.com\nFrom: sip:caller@example.net;tag=242etr\n\
         Max-Forwards: 6\nCall-ID: bext01.0ha0isndaksdj\nRequire: nothingSupportsThis, nothingSupportsThisEither\n\
         Proxy-Require: noProxiesSupportThis, norDoAnyProxiesSupportThis\nCSeq: 8 OPTIONS\n\
         Via: SIP/2.0/TLS fold-and-staple.example.com;branch=z9hG4bKkdjuw\nContent-Length: 0\n\n",
    )
}

/// RFC 4475 section 3.3.6.
pub(crate) fn invut() -> Vec<u8> {
    lines(
        "INVITE sip:user@example.com SIP/2.0\nContact: <sip:caller@host5.example.net>\nTo: sip:j.user@example.com\n\
         From: sip:caller@example.net;tag=8392034\nMax-Forwards: 70\nCall-ID: invut.0ha0isndaksdjadsfij34n23d\n\
         CSeq: 235448 INVITE\nVia: SIP/2.0/UDP somehost.example.com;branch=z9hG4bKkdjuw\n\
         Content-Type: application/unknownformat\nContent-Length: 40\n\n<audio>\n <pcmu port=\"443\"/>\n</audio>\n",
    )
}

/// RFC 4475 section 3.3.7.
pub(crate) fn regaut01() -> Vec<u8> {
    lines(
        "REGISTER sip:example.com SIP/2.0\nTo: sip:j.user@example.com\nFrom: sip:j.user@example.com;tag=87321hj23128\n\
         Max-Forwards: 8\nCall-ID: regaut01.0ha0isndaksdj\nCSeq: 9338 REGISTER\n\
         Via: SIP/2.0/TCP 192.0.2.253;branch=z9hG4bKkdjuw\nAuthorization: NoOneKnowsThisScheme opaque-data=here\n\
         Content-Length:0\n\n",
    )
}

/// RFC 4475 section 3.3.8.
pub(crate) fn multi01() -> Vec<u8> {
    lines(&format!(
        "INVITE sip:user@company.com SIP/2.0\nContact: <sip:caller@host25.example.net>\n\
         Via: SIP/2.0/UDP 192.0.2.25;branch=z9hG4bKkdjuw\nMax-Forwards: 70\nCSeq: 5 INVITE\n\
         Call-ID: multi01.98asdh@192.0.2.1\nCSeq: 59 INVITE\nCall-ID: multi01.98asdh@192.0.2.2\n\
         From: sip:caller@example.com;tag=3413415\nTo: sip:user@example.com\nTo: sip:other@example.net\n\
         From: sip:caller@example.net;tag=2923420123\nContent-Type: application/sdp\nl: 154\n\
         Contact: <sip:caller@host36.example.net>\nMax-Forwards: 5\n\n{}\n",
        sdp("192.0.2.25", "192.0.2.25", "0")
    ))
}

/// RFC 4475 section 3.3.9.
pub(crate) fn mcl01() -> Vec<u8> {
    lines(
        "OPTIONS sip:user@example.com SIP/2.0\nVia: SIP/2.0/UDP host5.example.net;branch=z9hG4bK293423\n\
         To: sip:user@example.com\nFrom: sip:other@example.net;tag=3923942\n\
         Call-ID: mcl01.fhn2323orihawfdoa3o4r52o3irsdf\nCSeq: 15932 OPTIONS\nContent-Length: 13\nMax-Forwards: 60\n\
         Content-Length: 5\nContent-Type: text/plain\n\n\
         There's no way to know how many octets are supposed to be here.\n\n",
    )
}

/// RFC 4475 section 3.3.10.
pub(crate) fn bcast() -> Vec<u8> {
    with_sdp(
        "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923\n\
         Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23\nCall-ID: bcast.0384840201234ksdfak3j2erwedfsASdf\n\
         CSeq: 35 INVITE\nFrom: sip:user@example.com;tag=11141343\nTo: sip:user@example.edu;tag=2229\n\
         Content-Length: 154\nContent-Type: application/sdp\nContact: <sip:user@host28.example.com>\n",
        "192.0.2.198",
    )
}

/// RFC 4475 section 3.3.11.
pub(crate) fn zeromf() -> Vec<u8> {
    lines(
        "OPTIONS sip:user@example.com SIP/2.0\nTo: sip:user@example.com\nFrom: sip:caller@example.net;tag=3ghsd41\n\
         Call-ID: zeromf.jfasdlfnm2o2l43r5u0asdfas\nCSeq: 39234321 OPTIONS\n\
         Via: SIP/2.0/UDP host1.example.com;branch=z9hG4bKkdjuw2349i\nMax-Forwards: 0\nContent-Length: 0\n\n",
    )
}

/// RFC 4475 section 3.3.12.
pub(crate) fn cparam01() -> Vec<u8> {
    lines(
        "REGISTER sip:example.com SIP/2.0\nVia: SIP/2.0/UDP saturn.example.com:5060;branch=z9hG4bKkdjuw\n\
         Max-Forwards: 70\nFrom: sip:watson@example.com;tag=DkfVgjkrtMwaerKKpe\nTo: sip:watson@example.com\n\
         Call-ID: cparam01.70710@saturn.example.com\nCSeq: 2 REGISTER\n\
         Contact: sip:+19725552222@gw1.example.net;unknownparam\nl: 0\n\n",
    )
}

/// RFC 4475 section 3.3.13.
pub(crate) fn cparam02() -> Vec<u8> {
    lines(
        "REGISTER sip:example.com SIP/2.0\nVia: SIP/2.0/UDP saturn.example.com:5060;branch=z9hG4bKkdjuw\n\
         Max-Forwards: 70\nFrom: sip:watson@example.com;tag=838293\nTo: sip:watson@example.com\n\
         Call-ID: cparam02.70710@saturn.example.com\nCSeq: 3 REGISTER\n\
         Contact: <sip:+19725552222@gw1.example.net;unknownparam>\nl: 0\n\n",
    )
}

/// RFC 4475 section 3.3.14.
pub(crate) fn regescrt() -> Vec<u8> {
    lines(
        "REGISTER sip:example.com SIP/2.0\nTo: sip:user@example.com\nFrom: sip:user@example.com;tag=8\n\
         Max-Forwards: 70\nCall-ID: regescrt.k345asrl3fdbv@192.0.2.1\nCSeq: 14398234 REGISTER\n\
         Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw\n\
         M: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>\nL:0\n\n",
    )
}

/// RFC 4475 section 3.3.15.
pub(crate) fn sdp01() -> Vec<u8> {
    with_sdp(
        "INVITE sip:user@example.com SIP/2.0\nTo: sip:j_user@example.com\nContact: <sip:caller@host15.example.net>\n\
         From: sip:caller@example.net;tag=234\nMax-Forwards: 5\nCall-ID: sdp01.ndaksdj9342dasdd\n\
         Accept: text/nobodyKnowsThis\nCSeq: 8 INVITE\nVia: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw\n\
         Content-Length: 150\nContent-Type: application/sdp\n",
        "192.0.2.5",
    )
}

/// RFC 4475 section 3.4.1.
pub(crate) fn inv2543() -> Vec<u8> {
    lines(
        "INVITE sip:UserB@example.com SIP/2.0\nVia: SIP/2.0/UDP iftgw.example.com\n\
         From: <sip:+13035551111@ift.client.example.net;user=phone>\n\
         Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>\n\
         To: sip:+16505552222@ss1.example.net;user=phone\nCall-ID: inv2543.1717@ift.client.example.com\n\
         CSeq: 56 INVITE\nContent-Type: application/sdp\n\nv=0\no=mhandley 29739 7272939 IN IP4 192.0.2.5\ns=-\n\
         c=IN IP4 192.0.2.5\nt=0 0\nm=audio 49217 RTP/AVP 0\n",
    )
}

/// In the archive of RFC 4475 but in none of its sections.
pub(crate) fn test() -> Vec<u8> {
    lines(
        "INVITE sip:alan@jasomi.com\nTO : alan@jasomi.com\nFrom: ralph@example.com\nMaX-fOrWaRdS: 0068\n\
         Call-ID: test.0ha0isndaksdj@192.0.2.1\nXyzzy-2: this is the number ten : 10\nXyzzy-3: INVITE\n\
         Xyzzy: 10000000000\nMeaning: foo bar spam\nFoobar roobar\nContent-Length: 18\nContent-Type: application/sdp\n\n\
         v=0\ntesting=123\n",
    )
}

/// RFC 5118 section 4.1.
pub(crate) fn ipv6_good() -> Vec<u8> {
    ipv6_register("sip:[2001:db8::10]")
}

/// RFC 5118 section 4.2.
pub(crate) fn ipv6_bad() -> Vec<u8> {
    ipv6_register("sip:2001:db8::10")
}

fn ipv6_register(uri: &str) -> Vec<u8> {
    lines(&format!(
        "REGISTER {uri} SIP/2.0\nTo: sip:user@example.com\nFrom: sip:user@example.com;tag=81x2\n\
         Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111\nCall-ID: SSG9559905523997077@hlau_4100\n\
         Max-Forwards: 70\nContact: \"Caller\" <sip:caller@[2001:db8::1]>\nCSeq: 98176 REGISTER\nContent-Length: 0\n\n"
    ))
}

/// RFC 5118 section 4.3.
pub(crate) fn port_ambiguous() -> Vec<u8> {
    port_register("sip:[2001:db8::10:5070]")
}

/// RFC 5118 section 4.4.
pub(crate) fn port_unambiguous() -> Vec<u8> {
    port_register("sip:[2001:db8::10]:5070")
}

fn port_register(uri: &str) -> Vec<u8> {
    lines(&format!(
        "REGISTER {uri} SIP/2.0\nTo: sip:user@example.com\nFrom: sip:user@example.com;tag=81x2\n\
         Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111\nCall-ID: SSG9559905523997077@hlau_4100\n\
         Contact: \"Caller\" <sip:caller@[2001:db8::1]>\nMax-Forwards: 70\nCSeq: 98176 REGISTER\nContent-Length: 0\n\n"
    ))
}

/// RFC 5118 section 4.5, with brackets.
pub(crate) fn via_received_with_delim() -> Vec<u8> {
    lines(
        "BYE sip:[2001:db8::10] SIP/2.0\nTo: sip:user@example.com;tag=bd76ya\nFrom: sip:user@example.com;tag=81x2\n\
         Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111\n\
         Call-ID: SSG9559905523997077@hlau_4100\nMax-Forwards: 70\nCSeq: 321 BYE\nContent-Length: 0\n\n",
    )
}

/// RFC 5118 section 4.5, without.
pub(crate) fn via_received_no_delim() -> Vec<u8> {
    lines(
        "OPTIONS sip:[2001:db8::10] SIP/2.0\nTo: sip:user@example.com\nFrom: sip:user@example.com;tag=81x2\n\
         Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3\n\
         Call-ID: SSG95523997077@hlau_4100\nMax-Forwards: 70\nContact: \"Caller\" <sip:caller@[2001:db8::9:1]>\n\
         CSeq: 921 OPTIONS\nContent-Length: 0\n\n",
    )
}

/// RFC 5118 section 4.6, with the length of its body; the RFC prints 268, which is wrong.
pub(crate) fn ipv6_in_sdp() -> Vec<u8> {
    lines(
        "INVITE sip:user@[2001:db8::10] SIP/2.0\nTo: sip:user@[2001:db8::10]\nFrom: sip:user@example.com;tag=81x2\n\
         Via: SIP/2.0/UDP [2001:db8::20];branch=z9hG4bKas3-111\nCall-ID: SSG9559905523997077@hlau_4100\n\
         Contact: \"Caller\" <sip:caller@[2001:db8::20]>\nCSeq: 8612 INVITE\nMax-Forwards: 70\n\
         Content-Type: application/sdp\nContent-Length: 251\n\nv=0\no=assistant 971731711378798081 0 IN IP6 2001:db8::20\n\
         s=Live video feed for today's meeting\nc=IN IP6 2001:db8::20\nt=3338481189 3370017201\n\
         m=audio 6000 RTP/AVP 2\na=rtpmap:2 G726-32/8000\nm=video 6024 RTP/AVP 107\na=rtpmap:107 H263-1998/90000\n",
    )
}

/// RFC 5118 section 4.7.
pub(crate) fn mult_ip_in_header() -> Vec<u8> {
    lines(
        "BYE sip:user@host.example.net SIP/2.0\nVia: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111\n\
         Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144\n\
         Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200\nCall-ID: 997077@lau_4100\n\
         Max-Forwards: 70\nCSeq: 89187 BYE\nTo: sip:user@example.net;tag=9817--94\n\
         From: sip:user@example.com;tag=81x2\nContent-Length: 0\n\n",
    )
}

/// RFC 5118 section 4.8.
pub(crate) fn mult_ip_in_sdp() -> Vec<u8> {
    lines(
        "INVITE sip:user@[2001:db8::10] SIP/2.0\nTo: sip:user@[2001:db8::10]\nFrom: sip:user@example.com;tag=81x2\n\
         Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111\nCall-ID: SSG9559905523997077@hlau_4100\n\
         Contact: \"Caller\" <sip:caller@[2001:db8::9:1]>\nMax-Forwards: 70\nCSeq: 8912 INVITE\n\
         Content-Type: application/sdp\nContent-Length: 181\n\nv=0\no=bob 280744730 28977631 IN IP4 host.example.com\ns=\n\
         t=0 0\nm=audio 22334 RTP/AVP 0\nc=IN IP4 192.0.2.1\nm=video 6024 RTP/AVP 107\nc=IN IP6 2001:db8::1\n\
         a=rtpmap:107 H263-1998/90000\n",
    )
}

/// RFC 5118 section 4.9.
pub(crate) fn ipv4_mapped_ipv6() -> Vec<u8> {
    lines(
        "INVITE sip:user@example.com SIP/2.0\nTo: sip:user@example.com\nFrom: sip:user@east.example.com;tag=81x2\n\
         Via: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19\n\
         Via: SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bKas3-111\nCall-ID: SSG9559905523997077@hlau_4100\n\
         Contact: \"T. desk phone\" <sip:ted@[::ffff:192.0.2.2]>\nCSeq: 612 INVITE\nMax-Forwards: 70\n\
         Content-Type: application/sdp\nContent-Length: 236\n\nv=0\n\
         o=assistant 971731711378798081 0 IN IP6 ::ffff:192.0.2.2\ns=Call me soon, please!\n\
         c=IN IP6 ::ffff:192.0.2.2\nt=3338481189 3370017201\nm=audio 6000 RTP/AVP 2\na=rtpmap:2 G726-32/8000\n\
         m=video 6024 RTP/AVP 107\na=rtpmap:107 H263-1998/90000\n",
    )
}

/// RFC 5118 section 4.10, as the grammar of RFC 3261 allows it. The archive omits the blank line.
pub(crate) fn three_colons() -> Vec<u8> {
    mapped_options("[2001:db8:::192.0.2.1]")
}

/// RFC 5118 section 4.10, as a writer sends it. The archive omits the blank line.
pub(crate) fn two_colons() -> Vec<u8> {
    mapped_options("[2001:db8::192.0.2.1]")
}

fn mapped_options(host: &str) -> Vec<u8> {
    lines(&format!(
        "OPTIONS sip:user@{host} SIP/2.0\nTo: sip:user@{host}\nFrom: sip:user@example.com;tag=810x2\n\
         Via: SIP/2.0/UDP lab1.east.example.com;branch=z9hG4bKas3-111\nCall-ID: G9559905523997077@hlau_4100\n\
         CSeq: 689 OPTIONS\nMax-Forwards: 70\nContent-Length: 0\n"
    ))
}
