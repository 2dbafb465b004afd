#include "observe/report_html.h"

#include "observe/page/page.h"
#include "observe/page_data.h"
#include "observe/timeline.h"

namespace millrace::observe {
namespace {

std::string page(const std::string& data) {
  std::string html =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "script-src 'unsafe-inline'; connect-src 'self'; img-src data:\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n<title>Millrace</title>\n<style>\n";
  html += page_style;
  html += "</style>\n</head>\n";
  html += page_body;
  if (!data.empty()) html += "<script type=\"application/json\" id=\"run-data\">" + data + "</script>\n";
  html += "<script>\n";
  html += page_timeline;
  html += page_script;
  return html + "</script>\n</html>\n";
}

}  // namespace

std::string render_html(const RunModel& model) {
  Timeline timeline = timeline_of(model);
  return page(page_data(page_update(model, timeline, {}, false)));
}

std::string live_html() { return page(""); }

}  // namespace millrace::observe
